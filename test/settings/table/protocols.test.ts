import assert from "node:assert/strict";
import { test } from "node:test";
import { PROTOCOLS } from "../../../src/settings/table/protocols.ts";
import { settled } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(PROTOCOLS);

test("numbers of HTTP/2 keep to their bounds", () => {
  assert.equal(settled(["--http2-initial-window-size", "2147483647", "app"]).settings.http2_initial_window_size, 2147483647);
  assert.throws(
    () => settled(["--http2-initial-window-size", "2147483648", "app"]),
    /HTTP\/2 window size must be at most 2147483647: 2147483648/,
  );
  assert.throws(() => settled(["--http2-max-concurrent-streams", "0", "app"]), /HTTP\/2 max concurrent streams must be at least 1: 0/);
  assert.throws(
    () => settled(["--http2-max-frame-size", "16383", "app"]),
    /http2_max_frame_size must be between 16384 and 16777215, got 16383/,
  );
});
