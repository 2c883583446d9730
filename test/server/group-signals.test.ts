import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { APPS, PYTHON, type Scope, Server, temporaryFolder } from "./harness.ts";
import { Client, get, type Response } from "./http-client.ts";

/** Clients that ask one request after the other, each on a connection of its own, until no new connection is accepted. */
function startLoad(server: Server, clients: number): { readonly counts: Record<string, number>; readonly done: Promise<unknown> } {
  const counts: Record<string, number> = { answered: 0, wrong: 0, cut: 0, reset: 0 };
  const run = async (): Promise<void> => {
    for (;;) {
      const client = await Client.connect(server.address).catch(() => undefined);
      if (client === undefined) return;
      client.send(get("/generator"));
      const outcome = await client.readResponse().then(
        ({ status, complete }) => (status !== 200 ? "wrong" : complete ? "answered" : "cut"),
        () => "reset", // the kernel had accepted it, the server not yet
      );
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      client.close();
    }
  };
  return { counts, done: Promise.all(Array.from({ length: clients }, run)) };
}

/** Puts `count` requests into the application and waits until they are there. */
async function holdRequests(t: Scope, server: Server, count: number): Promise<{ readonly answers: Promise<Response[]>; release(): void }> {
  const folder = temporaryFolder(t);
  const [note, gate] = [join(folder, "note"), join(folder, "gate")];
  const clients = await Promise.all(Array.from({ length: count }, () => server.connect()));
  for (const client of clients) {
    t.after(() => client.close());
    client.send(get(`/stay?note=${note}&gate=${gate}`));
  }
  await waitUntil(
    "waiting for the requests to be in the application",
    () => existsSync(note) && readFileSync(note, "utf8").split("\n").length > count,
  );
  return { answers: Promise.all(clients.map((client) => client.readResponse())), release: () => writeFileSync(gate, "") };
}

const TERMINAL = join(APPS, "..", "terminal.py");

test("TERM to the whole process group answers what is in the application, then ends", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  const held = await holdRequests(t, server, 2);
  process.kill(-server.pid, "SIGTERM");
  await server.waitForLine(/Handling signal: term/);
  held.release();
  assert.deepEqual(
    (await held.answers).map(({ status }) => status),
    [200, 200],
  );
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test("TERM to the whole process group under load cuts nothing", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  const load = startLoad(server, 16);
  await waitUntil("waiting for load", () => (load.counts.answered ?? 0) > 50);
  process.kill(-server.pid, "SIGTERM");
  await load.done;
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.deepEqual([load.counts.wrong, load.counts.cut], [0, 0], JSON.stringify(load.counts));
});

test("TERM to one worker alone replaces it, and no request fails", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  const load = startLoad(server, 8);
  await waitUntil("waiting for load", () => (load.counts.answered ?? 0) > 50);
  const before = server.workers();
  process.kill(before[0]!, "SIGTERM");
  await waitUntil("waiting for another worker", () => !server.workers().includes(before[0]!) && server.workers().length === 2);
  assert.deepEqual([load.counts.wrong, load.counts.cut, load.counts.reset], [0, 0, 0]);
  await server.stop();
  await load.done;
});

test("Ctrl-C in a terminal, under load", async (t) => {
  const terminal = Server.spawn(t, "tunicorn", { args: ["cases", "-w", "2"], through: [PYTHON, TERMINAL] });
  await terminal.ready();
  const load = startLoad(terminal, 16);
  await waitUntil("waiting for load", () => (load.counts.answered ?? 0) > 50);
  terminal.signal("SIGUSR2"); // terminal.py presses Ctrl-C
  assert.deepEqual(await terminal.exit(), { code: 0, signal: null });
  await load.done;
  await terminal.nothingLeft();
  assert.deepEqual([load.counts.wrong, load.counts.cut], [0, 0], JSON.stringify(load.counts));
  assert.doesNotMatch(terminal.output(), /Traceback|KeyboardInterrupt/);
  assert.match(terminal.output(), /Handling signal: int/);
});

for (const moment of [/Starting tunicorn/, /Listening at/, /Booting worker/]) {
  test(`Ctrl-C in a terminal at the line ${moment.source}`, async (t) => {
    const terminal = Server.spawn(t, "tunicorn", { args: ["cases", "-w", "2"], through: [PYTHON, TERMINAL] });
    await terminal.waitForLine(moment);
    terminal.signal("SIGUSR2");
    await terminal.exit();
    await terminal.nothingLeft();
    assert.doesNotMatch(terminal.output(), /Traceback|KeyboardInterrupt/);
  });
}

test("four requests at once on four idle workers run at the same time", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "4"] });
  for (let round = 0; round < 3; round++) {
    // Does not return before all four are in the application.
    const held = await holdRequests(t, server, 4);
    held.release();
    assert.equal(new Set((await held.answers).map(({ body }) => body)).size, 4);
  }
});
