import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SCENARIOS } from "../../bench/scenarios.ts";

describe("SCENARIOS", () => {
  test("have names of their own", () => assert.equal(new Set(SCENARIOS.map(({ id }) => id)).size, SCENARIOS.length));

  test("ten thousand idle connections are among them", () => {
    assert.ok(SCENARIOS.some((scenario) => scenario.kind === "idle" && scenario.connections === 10_000));
  });

  const closed = SCENARIOS.flatMap((scenario) => (scenario.kind === "closed-loop" ? [scenario] : []));
  const ASKED = {
    app: ["hello", "flask", "django", "asgi", "asgi-wait", "fastapi"],
    workers: [1, 2],
    connections: [1, 32, 256, 512],
    headers: [2, 12],
    accessLog: [false, true],
    oneCpu: [false, true],
    admin: [undefined, true],
  } as const;
  for (const [name, values] of Object.entries(ASKED)) {
    for (const value of values) {
      test(`there is a closed loop with ${name} ${value}`, () => {
        assert.ok(closed.some((scenario) => Reflect.get(scenario, name) === value));
      });
    }
  }
});
