import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTROL, DIRTY } from "../../../src/settings/table/dirty-and-control.ts";
import { machine } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(DIRTY);
testAgainstGunicorn(CONTROL);

const PATHS = [
  { env: {}, path: "/home/user/.gunicorn/tunicorn.ctl" },
  { env: { HOME: "/root/" }, path: "/root/.gunicorn/tunicorn.ctl" },
  { env: { HOME: "/" }, path: "/.gunicorn/tunicorn.ctl" },
  { env: { HOME: "/root", XDG_RUNTIME_DIR: "/run/user/1" }, path: "/run/user/1/tunicorn.ctl" },
  { env: { HOME: "/root", XDG_RUNTIME_DIR: "/nope" }, path: "/root/.gunicorn/tunicorn.ctl" },
  { env: { HOME: "/root", XDG_RUNTIME_DIR: "" }, path: "/root/.gunicorn/tunicorn.ctl" },
];

for (const { env, path } of PATHS) {
  test(`the control socket is ${path} with ${JSON.stringify(env)}`, () => {
    assert.deepEqual(CONTROL.control_socket.surroundingDefault?.(machine({ env }, { "/run/user/1/x": "" })), { value: path });
  });
}
