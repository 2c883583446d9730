import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { StatsdOutput } from "../../src/gateway/statsd-output.ts";
import { settingsOf } from "./settings-of.ts";

const PYTHON = ["python3", join(fileURLToPath(new URL("../..", import.meta.url)), "python/tunicorn_worker/__main__.py")];

async function receiver(t: TestContext) {
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  await new Promise<void>((fulfil) => socket.bind(0, "127.0.0.1", fulfil));
  const waiting: ((text: string) => void)[] = [];
  const got: string[] = [];
  socket.on("message", (message) => {
    const next = waiting.shift();
    if (next === undefined) got.push(message.toString());
    else next(message.toString());
  });
  const receive = (): Promise<string> => {
    const text = got.shift();
    return text === undefined ? new Promise((fulfil) => waiting.push(fulfil)) : Promise.resolve(text);
  };
  return { host: `127.0.0.1:${(socket.address() as AddressInfo).port}`, receive };
}

test("requests and lines, with what the settings say of them; a reload may change all of it", async (t) => {
  const [one, two] = [await receiver(t), await receiver(t)];
  const output = new StatsdOutput(assert.fail);
  t.after(() => output.change(settingsOf([]), PYTHON));
  output.change(settingsOf([]), PYTHON);
  output.request(200, 1);
  output.change(settingsOf(["--statsd-host", one.host]), PYTHON);
  output.request(404, 1.5);
  assert.deepEqual(
    [await one.receive(), await one.receive(), await one.receive()],
    ["gunicorn.request.duration:1.5|ms", "gunicorn.requests:1|c|@1.0", "gunicorn.request.status.404:1|c|@1.0"],
  );
  output.change(settingsOf(["--statsd-host", one.host, "--statsd-prefix", "app"]), PYTHON);
  output.line("info");
  output.line("warning");
  assert.equal(await one.receive(), "app.gunicorn.log.warning:1|c|@1.0");
  output.change(settingsOf(["--statsd-host", two.host]), PYTHON);
  output.line("critical");
  assert.equal(await two.receive(), "gunicorn.log.critical:1|c|@1.0");
});
