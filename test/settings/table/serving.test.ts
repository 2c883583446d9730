import assert from "node:assert/strict";
import { test } from "node:test";
import { SERVING } from "../../../src/settings/table/serving.ts";
import { machine } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(SERVING);

test("PORT and WEB_CONCURRENCY change defaults and say so", () => {
  const here = machine({ env: { PORT: "81", WEB_CONCURRENCY: " 3 " } });
  assert.deepEqual(SERVING.bind.surroundingDefault?.(here), { value: ["0.0.0.0:81"], variable: "PORT" });
  assert.deepEqual(SERVING.workers.surroundingDefault?.(here), { value: 3, variable: "WEB_CONCURRENCY" });
  assert.equal(SERVING.bind.surroundingDefault?.(machine()), undefined);
  assert.equal(SERVING.workers.surroundingDefault?.(machine()), undefined);
});

test("a WEB_CONCURRENCY that is no number is named", () => {
  const here = machine({ env: { WEB_CONCURRENCY: "many" } });
  assert.throws(() => SERVING.workers.surroundingDefault?.(here), {
    message: "the environment variable WEB_CONCURRENCY is 'many', not a number of workers",
  });
});
