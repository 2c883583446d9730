import assert from "node:assert/strict";
import { test } from "node:test";
import { StatsdFormat } from "../../src/telemetry/statsd.ts";

/** What Gunicorn 27.0.1's class makes of each: test/python/test_statsd.py holds ours in Python against it. */
const PREFIXES = [
  ["", ""],
  ["app", "app."],
  ["app.", "app."],
  ["app...", "app."],
  ["a.b", "a.b."],
  // Its expression wants two characters.
  ["a", "a"],
  [".", "."],
  ["..", ".."],
  ["..a", "..a."],
] as const;

for (const [prefix, shown] of PREFIXES) {
  test(`the prefix ${JSON.stringify(prefix)}`, () => assert.equal(new StatsdFormat(prefix, "").gauge("g", 3), `${shown}g:3|g\n`));
}

/** `timedelta(microseconds=N)`: `seconds * 1000 + float(microseconds) / 10 ** 3`, as Python prints it. */
const DURATIONS = [
  [0, "0.0"],
  [1, "0.001"],
  [1.9, "0.001"],
  [1122.9, "1.122"],
  [1000, "1.0"],
  [123_456, "123.456"],
  [1_000_001, "1000.001"],
  [59_999_999.99, "59999.999"],
  [86_400_000_000 + 5_000, "5.0"],
] as const;

for (const [us, shown] of DURATIONS) {
  test(`a request of ${us} us`, () => {
    assert.equal(
      new StatsdFormat("app", "a:1,b:2").request(204, us),
      [
        `app.gunicorn.request.duration:${shown}|ms|#a:1,b:2`,
        "app.gunicorn.requests:1|c|@1.0|#a:1,b:2",
        "app.gunicorn.request.status.204:1|c|@1.0|#a:1,b:2",
        "",
      ].join("\n"),
    );
  });
}

test("a counter", () => assert.equal(new StatsdFormat("", "").count("gunicorn.log.error"), "gunicorn.log.error:1|c|@1.0\n"));
