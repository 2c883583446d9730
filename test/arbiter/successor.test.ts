import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { takeStart } from "../../src/arbiter/start-context.ts";
import { type SuccessorEnd, startSuccessor } from "../../src/arbiter/successor.ts";

/** Ends with the number of its listening sockets, if they are named to it and are what they should be. */
const LOOKS = `
import os, socket, sys
numbers = [int(word) for word in os.environ["GUNICORN_FD"].split(",")]
assert os.environ["GUNICORN_PID"] == str(os.getppid()), os.environ
ports = [str(socket.socket(fileno=number).getsockname()[1]) for number in numbers]
assert ports == sys.argv[1:], (ports, sys.argv)
sys.exit(len(ports))
`;

async function listen(t: TestContext): Promise<{ server: Server; fd: number; port: number }> {
  const server = createServer();
  await new Promise<void>((fulfil) => server.listen(0, "127.0.0.1", fulfil));
  t.after(() => server.close());
  // What the arbiter keeps are raw handles, which have a descriptor each.
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return { server, fd, port: (server.address() as { port: number }).port };
}

function run(command: readonly string[], words: readonly string[], listeners: readonly number[]) {
  const context = { ...takeStart({ PATH: process.env.PATH }, command, words) };
  const ends: SuccessorEnd[] = [];
  let pid: number | undefined;
  const ended = new Promise<SuccessorEnd>((fulfil) => {
    pid = startSuccessor(context, listeners, [], (end) => {
      ends.push(end);
      fulfil(end);
    });
  });
  assert.deepEqual(ends, []);
  return { pid, ended };
}

test("the new master has the sockets, in their order, and is told", async (t) => {
  const [one, two] = [await listen(t), await listen(t)];
  const { pid, ended } = run(["python3", "-c", LOOKS], [String(two.port), String(one.port)], [two.fd, one.fd]);
  assert.equal(typeof pid, "number");
  assert.deepEqual(await ended, { status: { code: 2 } });
});

test("how it ended is told: by a signal, as a program that is not there, not started at all", async () => {
  assert.deepEqual(await run(["/bin/sh", "-c", "kill -9 $$"], [], []).ended, { status: { signal: "SIGKILL" } });
  assert.deepEqual(await run(["/nowhere/tunicorn"], [], []).ended, { status: { code: 127 } });
  const context = { ...takeStart({}, ["true"], []), directory: "/nowhere" };
  const end = await new Promise<SuccessorEnd>((fulfil) => startSuccessor(context, [], [], fulfil));
  assert.match(end.cause ?? "", /ENOENT/);
});
