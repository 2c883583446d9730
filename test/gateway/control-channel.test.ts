import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "./spool-directory.ts";

/** Says each command back as a log event, and on its standard output when the arbiter has gone. */
const ECHO = `
  import { ControlChannel } from "./src/gateway/control-channel.ts";
  const control = new ControlChannel(
    3,
    (command) => control.send({ ev: "log", level: "info", text: JSON.stringify(command) }),
    () => {
      control.send({ ev: "drained" });
      console.log("gone");
    },
  );
  control.send({ ev: "up", pid: 1 });
`;

/** A process with the gateway's end of the socket as descriptor 3, and the arbiter's end. */
function started(t: TestContext): { arbiter: Socket; said: () => unknown[]; child: ChildProcess; printed: () => string } {
  const child = spawn(process.execPath, ["--import", "./scripts/typescript.mjs", "--input-type=module", "-e", ECHO], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  // A "pipe" of Node's is a socketpair.
  const arbiter = child.stdio[3] as Socket;
  let text = "";
  let printed = "";
  arbiter.on("data", (bytes: Buffer) => {
    text += bytes.toString();
  });
  child.stdout?.on("data", (bytes: Buffer) => {
    printed += bytes.toString();
  });
  const said = () =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));
  return { arbiter, said, child, printed: () => printed };
}

const echoed = (command: object) => ({ ev: "log", level: "info", text: JSON.stringify(command) });

test("commands come one by one, however their bytes are cut; events are lines", async (t) => {
  const { arbiter, said } = started(t);
  await until(() => said().length === 1);
  assert.deepEqual(said(), [{ ev: "up", pid: 1 }]);
  const commands = [{ cmd: "configure", settings: { proc_name: "schön €" } }, { cmd: "pause" }, { cmd: "stop-worker", worker: 7 }];
  const bytes = Buffer.from(commands.map((command) => `${JSON.stringify(command)}\n`).join(""));
  arbiter.write(bytes);
  await until(() => said().length === 1 + commands.length);
  for (const byte of bytes) {
    arbiter.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => said().length === 1 + 2 * commands.length);
  assert.deepEqual(said().slice(1), [...commands, ...commands].map(echoed));
});

test("the arbiter's end is told once, and what is said afterwards does no harm", async (t) => {
  const { arbiter, said, child, printed } = started(t);
  await until(() => said().length === 1);
  arbiter.end(`${JSON.stringify({ cmd: "drain" })}\n`);
  await until(() => child.exitCode !== null || child.signalCode !== null);
  await until(() => child.stdout?.destroyed === true);
  assert.deepEqual([child.exitCode, printed()], [0, "gone\n"]);
  assert.deepEqual(said()[1], echoed({ cmd: "drain" }));
});
