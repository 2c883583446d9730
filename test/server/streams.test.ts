import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { APPS, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

/** Ways in which a shell, a service manager or a person leaves a program without somebody at its standard streams. */
const STREAMS = [
  { name: "standard input is closed", script: 'exec "$0" "$@" <&-' },
  { name: "standard output is closed", script: 'exec "$0" "$@" >&-' },
  { name: "standard error is closed", script: 'exec "$0" "$@" 2>&-' },
  { name: "all three are closed", script: 'exec "$0" "$@" <&- >&- 2>&-' },
  { name: "the reader of standard error leaves after a line", script: 'exec "$0" "$@" 2> >(head -1 > /dev/null)' },
  { name: "the reader of standard output leaves after a line", script: 'exec "$0" "$@" > >(head -1 > /dev/null)' },
  { name: "standard error is full", script: 'exec "$0" "$@" 2> /dev/full' },
  { name: "it runs under nohup", script: 'exec nohup "$0" "$@"' },
];

for (const { name, script } of STREAMS) {
  test(`tunicorn serves, reloads and stops when ${name}`, async (t) => {
    const path = join(temporaryFolder(t), "socket");
    const args = ["--access-logfile", "-", "--log-level", "debug", "cases"];
    const server = Server.spawn(t, "tunicorn", { args, bind: `unix:${path}`, through: ["bash", "-c", script] });
    server.address = path;
    const serves = async (): Promise<boolean> => (await server.exchange(get("/")).catch(() => undefined))?.body === "hello\n";
    await waitUntil("waiting for the first answer", serves);
    for (let count = 0; count < 20; count += 1) assert.ok(await serves());
    const [before] = server.workers();
    server.signal("SIGUSR1");
    // nohup ignores the hangup for its program: Gunicorn and we take it all the same.
    server.signal("SIGHUP");
    await waitUntil("waiting for another worker", () => server.workers().length === 1 && server.workers()[0] !== before);
    assert.ok(await serves());
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
  });
}

test("tunicorn starts, serves and stops in a directory that nobody can write to", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["--pythonpath", APPS, "cases"], cwd: "/proc" });
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
});
