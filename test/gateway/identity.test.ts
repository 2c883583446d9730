import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SOURCE = new URL("../../src/gateway/identity.ts", import.meta.url).href;
const LOADER = fileURLToPath(new URL("../../scripts/typescript.mjs", import.meta.url));
const NOBODY = 65534;

/** What a process of its own is afterwards: the way back is closed. */
function after(settings: object): unknown {
  const program = `
    const { dropPrivileges } = await import(${JSON.stringify(SOURCE)});
    dropPrivileges(${JSON.stringify(settings)});
    console.log(JSON.stringify([process.getuid(), process.getgid(), process.getgroups().filter((group) => group !== process.getgid())]));`;
  return JSON.parse(execFileSync(process.execPath, ["--import", LOADER, "--input-type=module", "-e", program], { encoding: "utf8" }));
}

const own = [process.getuid?.(), process.getgid?.()];
const groups = process.getgroups?.().filter((group) => group !== own[1]);
/** Others than root have nothing to drop. */
const asRoot = (dropped: unknown) => (own[0] === 0 ? dropped : [...own, groups]);

for (const [name, settings, expected] of [
  ["user and group", { user: NOBODY, group: NOBODY, initgroups: false }, asRoot([NOBODY, NOBODY, []])],
  ["with the user's groups", { user: NOBODY, group: NOBODY, initgroups: true }, asRoot([NOBODY, NOBODY, []])],
  ["a user without a name", { user: 987654, group: 987655, initgroups: true }, asRoot([987654, 987655, []])],
  ["a group alone", { user: 0, group: NOBODY, initgroups: false }, asRoot([0, NOBODY, []])],
  ["nothing", { user: 0, group: 0, initgroups: false }, [...own, groups]],
] as const) {
  test(`dropPrivileges: ${name}`, () => assert.deepEqual(after(settings), expected));
}
