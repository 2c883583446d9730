import assert from "node:assert/strict";
import { test } from "node:test";
import { DIRTY_HOOKS, HOOKS } from "../../../src/settings/table/hooks.ts";
import { machine } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(HOOKS);
testAgainstGunicorn(DIRTY_HOOKS);

const given = (arity: number) => ({ t: "object", type: "function", text: "<function f>", name: "f", callable: true, arity }) as const;
const context = { surroundings: machine(), warn: assert.fail };

test("a hook takes functions of its arity only", () => {
  assert.equal(HOOKS.nworkers_changed.kind.check(given(3), context).arity, 3);
  assert.throws(() => HOOKS.nworkers_changed.kind.check(given(2), context), { message: "Value must have an arity of: 3" });
  assert.throws(() => DIRTY_HOOKS.dirty_post_fork.kind.check(given(1), context), { message: "Value must have an arity of: 2" });
});

test("post_request takes two, three or four parameters", () => {
  for (const arity of [2, 3, 4]) assert.equal(HOOKS.post_request.kind.check(given(arity), context).arity, arity);
  assert.throws(() => HOOKS.post_request.kind.check(given(1), context), { message: "Value must have an arity of: 4" });
});
