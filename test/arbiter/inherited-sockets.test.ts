import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { InheritedSockets } from "../../src/arbiter/inherited-sockets.ts";

const TYPESCRIPT = new URL("../../scripts/typescript.mjs", import.meta.url).href;
const MODULE = new URL("../../src/arbiter/inherited-sockets.ts", import.meta.url);
/** A process that was started with a listening socket at 3. */
const PROGRAM = `
const { InheritedSockets } = await import(${JSON.stringify(MODULE.href)});
const inherited = new InheritedSockets([
  { index: 0, kind: "tcp", host: "127.0.0.1", port: 80 },
  { index: 1, kind: "fd", fd: 3 },
]);
console.log(JSON.stringify(inherited.messages().map(([message]) => message)));
inherited.close();
console.log(JSON.stringify(inherited.messages()));
`;

test("one message for each descriptor, none for other addresses; when they are closed the socket listens as before", async (t) => {
  const server = createServer((client) => client.end("hello"));
  await new Promise<void>((fulfil) => server.listen(0, "127.0.0.1", fulfil));
  t.after(() => server.close());
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const { stdout } = spawnSync(process.execPath, ["--import", TYPESCRIPT, "--input-type=module", "-e", PROGRAM], {
    stdio: ["ignore", "pipe", "inherit", fd],
    encoding: "utf8",
  });
  assert.equal(stdout, '[{"cmd":"inherit","fd":3}]\n[]\n');
  const answer = await new Promise((fulfil) => connect((server.address() as { port: number }).port, "127.0.0.1").on("data", fulfil));
  assert.equal(String(answer), "hello");
});

for (const { name, fd } of [
  { name: "is not open", fd: 2 ** 20 },
  { name: "is a file", fd: openSync("/dev/null", "r") },
  { name: "is beyond all numbers", fd: 2 ** 60 },
]) {
  test(`a descriptor that ${name} is an error in words`, () => {
    assert.throws(() => new InheritedSockets([{ index: 0, kind: "fd", fd }]), {
      message: new RegExp(`^cannot take over file descriptor ${fd}: `),
    });
    if (existsSync(`/proc/self/fd/${fd}`)) closeSync(fd);
  });
}
