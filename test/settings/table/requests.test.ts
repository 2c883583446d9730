import assert from "node:assert/strict";
import { test } from "node:test";
import { REQUESTS } from "../../../src/settings/table/requests.ts";
import { settled } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(REQUESTS);

test("words are taken in any case", () => {
  assert.equal(settled(["--asgi-loop", " UVLoop", "app"]).settings.asgi_loop, "uvloop");
  assert.throws(() => settled(["--asgi-lifespan", "maybe", "app"]), /Invalid ASGI lifespan: maybe/);
});
