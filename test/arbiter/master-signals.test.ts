import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

const SOURCE = JSON.stringify(new URL("../../src/arbiter/master-signals.ts", import.meta.url).href);
const LOADER = new URL("../../scripts/typescript.mjs", import.meta.url).pathname;

test("signals that came before somebody takes them are kept, in their order; none has its default effect", async () => {
  // Each signal is sent when the one before has been seen: pending signals of a process have no order.
  const program = `
    import { catchSignals, takeSignals } from ${SOURCE};
    setInterval(() => {}, 1000); // signals alone do not keep a process alive
    catchSignals();
    const names = ["SIGHUP", "SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGQUIT", "SIGWINCH", "SIGTTOU"];
    for (const name of names) {
      const seen = new Promise((fulfil) => process.once(name, fulfil));
      process.kill(process.pid, name);
      await seen;
    }
    const early = [];
    takeSignals((name) => early.push(name));
    console.log(early.join(" "));
    takeSignals((name) => { console.log("late " + name); process.exit(0); });
    process.kill(process.pid, "SIGTERM");
  `;
  const child = spawn(process.execPath, ["--import", LOADER, "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  const [code] = await once(child, "close");
  assert.equal(text, "hup term int usr1 usr2 ttin quit winch ttou\nlate term\n");
  assert.equal(code, 0);
});
