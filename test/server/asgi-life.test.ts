import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { APPS, KINDS, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { type Client, field, get } from "./http-client.ts";

const ARGS = ["asgi_cases:application", "-k", "asgi"];
/** A response of one piece that no kernel buffers in full. */
const NOBODY_READS_BYTES_MAX = 40_000_000;

const start = (t: Scope, kind: ServerKind, args: readonly string[] = [], env: Record<string, string> = {}) =>
  Server.start(t, kind, { args: [...ARGS, ...args], env });

const noteOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
const noted = (path: string, pattern: RegExp) =>
  waitUntil(`waiting for the note ${pattern}`, () => pattern.exec(noteOf(path)) ?? undefined);

// --- lifespan --------------------------------------------------------------------------------------------------------

/** What Gunicorn does when the application's startup ends so. `undefined`: it serves. */
const STARTUPS: readonly { mode: string; how: string; code: number | undefined; line?: RegExp }[] = [
  { mode: "auto", how: "complete", code: undefined },
  { mode: "auto", how: "raises", code: undefined },
  { mode: "auto", how: "returns", code: undefined },
  { mode: "auto", how: "failed", code: 3, line: /ASGI lifespan startup failed: Lifespan startup failed: the database is down/ },
  { mode: "on", how: "complete", code: undefined },
  { mode: "on", how: "raises", code: 3, line: /ASGI lifespan startup failed: Lifespan startup failed: no lifespan here/ },
  { mode: "on", how: "returns", code: 3, line: /Lifespan startup failed: Application exited before startup complete/ },
  { mode: "on", how: "failed", code: 3, line: /ASGI lifespan startup failed: Lifespan startup failed: the database is down/ },
  { mode: "off", how: "failed", code: undefined },
];

for (const kind of KINDS) {
  for (const { mode, how, code, line } of STARTUPS) {
    test(`${kind}: lifespan ${mode}, an application whose startup ${how}`, async (t) => {
      const options = { args: [...ARGS, "--asgi-lifespan", mode], env: { LIFESPAN: how } };
      const server = Server.spawn(t, kind, options);
      if (code === undefined) {
        await server.ready();
        assert.equal((await server.exchange(get("/"))).body, "hello\n");
        return;
      }
      assert.deepEqual(await server.exit(), { code, signal: null }, server.output());
      if (line !== undefined) assert.match(server.output(), line);
      assert.match(server.output(), /Reason: Worker failed to boot\./);
    });
  }

  test(`${kind}: lifespan shutdown at TERM, and its failure is logged`, async (t) => {
    const note = join(temporaryFolder(t), "note");
    const server = await start(t, kind, [], { LIFESPAN: "shutdown-failed", LIFESPAN_NOTE: note });
    await server.exchange(get("/"));
    server.signal("SIGTERM");
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    assert.equal(noteOf(note), "shut down");
    assert.match(server.output(), /Lifespan shutdown error: cannot say goodbye/);
  });

  // --- the client leaves ---------------------------------------------------------------------------------------------

  test(`${kind}: http.disconnect when the client leaves, and the application is cancelled after the grace period`, async (t) => {
    const server = await start(t, kind, ["--asgi-disconnect-grace-period", "1"]);
    const note = join(temporaryFolder(t), "note");
    const client = await server.connect();
    client.send(get(`/wait?note=${note}&linger=1`));
    await noted(note, /waiting/);
    client.close();
    await noted(note, /http\.disconnect|cancelled/);
    await noted(note, /cancelled/);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  });

  test(`${kind}: send() waits for a client that takes nothing`, async (t) => {
    const server = await start(t, kind);
    const note = join(temporaryFolder(t), "note");
    const client = await server.connect();
    client.socket.pause();
    client.send(get(`/endless?note=${note}`));
    await noted(note, /sent/);
    // It stands still: the same number, twice, with other requests answered between.
    const sent = await waitUntil("waiting for the sender to stand still", async () => {
      const before = noteOf(note);
      for (let n = 0; n < 5; n++) await server.exchange(get("/concurrent"));
      return before === noteOf(note) ? Number(before.split(" ")[1]) : undefined;
    });
    assert.ok(sent < NOBODY_READS_BYTES_MAX, `${sent} bytes went through`);
    client.socket.resume();
    await waitUntil("waiting for it to go on", () => Number(noteOf(note).split(" ")[1]) > sent);
    client.reset();
  });

  test(`${kind}: receive() waits for the body, and an application that does not ask stops the client`, async (t) => {
    const folder = temporaryFolder(t);
    const [note, gate] = [join(folder, "note"), join(folder, "gate")];
    const server = await start(t, kind);
    const client = await server.connect();
    const bytes = NOBODY_READS_BYTES_MAX;
    client.send(`POST /stay?note=${note}&gate=${gate} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`);
    await noted(note, /\d/);
    client.socket.write(Buffer.alloc(bytes));
    for (let n = 0; n < 5; n++) await server.exchange(get("/concurrent"));
    assert.ok(client.socket.writableLength > 0, "the whole upload was taken although nobody reads it");
    writeFileSync(gate, "");
    assert.equal((await client.readResponse()).body, "released");
    client.close();
  });
}

// --- Tunicorn alone --------------------------------------------------------------------------------------------------

test("a client that has only finished sending is answered", async (t) => {
  const server = await start(t, "tunicorn");
  const note = join(temporaryFolder(t), "note");
  const client = await server.connect();
  client.send(get(`/wait?note=${note}`));
  client.halfClose();
  assert.equal((await client.readResponse()).body, "late answer");
  assert.equal(noteOf(note), "http.disconnect");
});

test("with a grace period of 0 the application is cancelled at once", async (t) => {
  const server = await start(t, "tunicorn", ["--asgi-disconnect-grace-period", "0"]);
  const note = join(temporaryFolder(t), "note");
  const client = await server.connect();
  client.send(get(`/endless?note=${note}`));
  await noted(note, /sent/);
  client.reset();
  await noted(note, /cancelled|OSError/);
});

test("send() raises an OSError once the client has left", async (t) => {
  const server = await start(t, "tunicorn", ["--asgi-disconnect-grace-period", "30"]);
  const note = join(temporaryFolder(t), "note");
  const client = await server.connect();
  client.send(get(`/endless?note=${note}`));
  await noted(note, /sent/);
  client.reset();
  await noted(note, /OSError/);
});

test("receive() gives http.disconnect once the response is complete, and the background work goes on", async (t) => {
  const server = await start(t, "tunicorn");
  const note = join(temporaryFolder(t), "note");
  assert.equal((await server.exchange(get(`/after?note=${note}`))).body, "done");
  await noted(note, /http\.disconnect/);
});

test("extensions: early hints, files, trailers where the client takes them", async (t) => {
  const server = await start(t, "tunicorn");
  const plain = ["http.response.early_hint", "http.response.pathsend"];
  assert.deepEqual(JSON.parse((await server.exchange(get("/extensions"))).body)[0], plain);
  const withTrailers = await server.exchange(get("/extensions", "TE: trailers\r\n"));
  assert.deepEqual(JSON.parse(withTrailers.body)[0], [...plain, "http.response.trailers"]);

  const client = await server.connect();
  client.send(get("/early"));
  const interim = await client.readResponse();
  assert.deepEqual(interim.fields, [
    ["link", "</a.css>; rel=preload"],
    ["link", "</b.js>; rel=preload"],
  ]);
  assert.equal((await client.readResponse()).body, "after hints");

  const path = join(APPS, "asgi_cases.py");
  const file = await server.exchange(get(`/pathsend?path=${path}`));
  assert.deepEqual([file.body, file.complete], [readFileSync(path, "latin1"), true]);
  assert.equal((await server.exchange(`HEAD /pathsend?path=${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)).status, 200);
  assert.equal((await server.exchange(get(`/pathsend?path=${APPS}/none`))).status, 500);

  const trailers = await server.connect();
  trailers.send(get("/trailers", "TE: trailers\r\n"));
  assert.match(await trailers.readToEnd(), /\r\n4\r\nbody\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n$/);
  const none = await server.connect();
  none.send(get("/trailers"));
  assert.match(await none.readToEnd(), /\r\n4\r\nbody\r\n0\r\n\r\n$/);
});

test("on a unix socket there is no client, and the server is its path", async (t) => {
  const path = join(temporaryFolder(t), "s");
  const server = await Server.start(t, "tunicorn", { args: ARGS, bind: `unix:${path}` });
  assert.deepEqual(JSON.parse((await server.exchange(get("/extensions"))).body)[1], [path, null]);
  assert.match((await server.exchange(get("/scope"))).body, /\('client', 'NoneType'\)/);
});

test("the address that the client reached is the server's, whatever is bound", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ARGS, bind: "0.0.0.0:0" });
  assert.deepEqual(JSON.parse((await server.exchange(get("/extensions"))).body)[1], ["127.0.0.1", server.address]);
});

// --- wrong pairs -----------------------------------------------------------------------------------------------------

for (const { args, line, code } of [
  { args: ["asgi_cases:application"], line: /is an ASGI application .*--worker-class asgi/, code: 4 },
  { args: ["asgi_cases:wsgi", "-k", "asgi"], line: /as a WSGI application does .*--worker-class sync or gthread/, code: 4 },
  { args: ["asgi_cases:asgi2", "-k", "asgi"], line: /ASGI 2 application .*guarantee_single_callable/, code: 4 },
]) {
  test(`"${args.join(" ")}" is refused in words`, async (t) => {
    const server = Server.spawn(t, "tunicorn", { args });
    assert.deepEqual(await server.exit(), { code, signal: null }, server.output());
    assert.match(server.output(), line);
    assert.doesNotMatch(server.output(), /Traceback/);
  });
}

for (const option of ["--check-config", "--preload"]) {
  test(`a wrong pair is found with ${option} too`, async (t) => {
    const server = Server.spawn(t, "tunicorn", { args: ["asgi_cases:wsgi", "-k", "asgi", option] });
    assert.notEqual((await server.exit()).code, 0);
    assert.match(server.output(), /--worker-class sync or gthread/);
  });
}

test("with preload the application is shared, and each worker has a lifespan of its own", async (t) => {
  const server = await start(t, "tunicorn", ["--preload", "-w", "2"]);
  await waitUntil("waiting for two workers", () => server.countLines(/Booting worker/) === 2);
  assert.equal((await server.exchange(get("/state"))).status, 200);
});

for (const loop of ["asyncio", "uvloop"]) {
  test(`asgi_loop ${loop}`, async (t) => {
    const server = await start(t, "tunicorn", ["--asgi-loop", loop, "--log-level", "debug"]);
    await server.waitForLine(new RegExp(`Using ${loop} event loop`));
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  });
}

// --- death and stop --------------------------------------------------------------------------------------------------

/** Requests that stay in the application until `release`. */
async function holdMany(t: Scope, server: Server, count: number) {
  const folder = temporaryFolder(t);
  const gate = join(folder, "gate");
  const clients: Client[] = [];
  for (let n = 0; n < count; n++) {
    const client = await server.connect();
    t.after(() => client.close());
    client.send(get(`/stay?note=${join(folder, `note${n}`)}&gate=${gate}`));
    clients.push(client);
  }
  const workers: number[] = [];
  for (let n = 0; n < count; n++) workers.push(Number((await noted(join(folder, `note${n}`), /^\d+$/))[0]));
  const answers = clients.map((client) => client.readResponse().catch((error: unknown) => error as Error));
  return { workers, answers, release: () => writeFileSync(gate, "") };
}

test("kill -9 of a worker with many requests: its own are answered 502, the other worker's go on", async (t) => {
  const server = await start(t, "tunicorn", ["-w", "2", "--log-level", "debug"]);
  await server.workersReady(2);
  const held = await holdMany(t, server, 40);
  const [victim = 0] = held.workers;
  assert.equal(new Set(held.workers).size, 2, "least outstanding first shares them out");
  process.kill(victim, "SIGKILL");
  assert.ok(await Promise.race(held.answers), "the first answers are of those that were lost");
  held.release();
  const statuses = (await Promise.all(held.answers)).map((answer) => (answer instanceof Error ? 0 : answer.status));
  assert.deepEqual(
    statuses,
    held.workers.map((worker) => (worker === victim ? 502 : 200)),
  );
  const lost = held.workers.filter((worker) => worker === victim).length;
  const told = () => server.countLines(new RegExp(`request lost with its worker worker=\\d pid=${victim} method=GET target=/stay`));
  await waitUntil("waiting for a line for each", () => told() >= lost);
  assert.equal(told(), lost);
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
});

test("kill -9 of workers under load: every request that is not answered has its line", async (t) => {
  const server = await start(t, "tunicorn", ["-w", "2", "--log-level", "debug"]);
  await server.workersReady(2);
  const counts = { answered: 0, lost: 0 };
  let over = false;
  const ask = async (path: string) => {
    while (!over) {
      const answer = await server.exchange(get(path)).catch(() => undefined);
      if (answer?.status === 200 && answer.complete) counts.answered++;
      else counts.lost++;
    }
  };
  const askers = ["/", "/concurrent", "/stream", "/big"].flatMap((path) => Array.from({ length: 6 }, () => ask(path)));
  for (let kill = 1; kill <= 4; kill++) {
    const before = counts.answered;
    await waitUntil("waiting for load", () => counts.answered > before + 50);
    process.kill(server.workers()[kill % 2] ?? assert.fail("no such worker"), "SIGKILL");
    await server.workersReady(2 + kill);
  }
  over = true;
  await Promise.all(askers);
  const told = () => server.countLines(/request lost with its worker worker=\d+ pid=\d+ /);
  await waitUntil("waiting for a line for each", () => told() >= counts.lost);
  assert.equal(told(), counts.lost, `${counts.answered} were answered`);
  assert.ok(counts.lost > 0);
});

test("requests that a stopped worker had not begun are answered by another", async (t) => {
  const server = await start(t, "tunicorn", ["-w", "2", "--log-level", "debug"]);
  await server.workersReady(2);
  const workers = server.workers();
  // It reads nothing any more; what is pushed to it waits in its socket.
  process.kill(workers[0]!, "SIGSTOP");
  const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect()));
  for (const client of clients) client.send(get("/"));
  const answers = clients.map((client) => client.readResponse());
  // Half of them are there and back; then the stopped one dies.
  await Promise.any(answers);
  process.kill(workers[0]!, "SIGKILL");
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    Array(10).fill(200),
  );
  assert.equal(server.countLines(/request lost/), 0, server.output());
  for (const client of clients) client.close();
});

for (const victim of ["gateway", "nursery"] as const) {
  test(`kill -9 of the ${victim}: the workers are linked again, or replaced`, async (t) => {
    const server = await start(t, "tunicorn", ["-w", "2"]);
    await waitUntil("waiting for two workers", () => server.workers().length === 2);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    const pid = server[victim]() ?? assert.fail(`there is no ${victim}`);
    process.kill(pid, "SIGKILL");
    await waitUntil("waiting for another", () => ![undefined, pid].includes(server[victim]()) && server.workers().length === 2);
    for (let n = 0; n < 10; n++) assert.equal((await server.exchange(get("/"))).body, "hello\n");
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
}

test("a blocked event loop is killed after timeout, and named", async (t) => {
  const server = await start(t, "tunicorn", ["--timeout", "2"]);
  const response = await server.exchange(get("/block"));
  assert.equal(response.status, 502);
  await server.waitForLine(/WORKER TIMEOUT/);
  await server.waitForLine(/worker timed out .*\/block/);
  await server.waitForLine(/stacks of all threads/);
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
});

test("a long request is no silence", async (t) => {
  const server = await start(t, "tunicorn", ["--timeout", "2"]);
  const held = await holdMany(t, server, 1);
  // More than twice the timeout is over when so many requests that wait 200 ms each have been answered.
  for (let n = 0; n < 24; n++) await server.exchange(get("/concurrent"));
  held.release();
  const [answer] = await Promise.all(held.answers);
  assert.ok(!(answer instanceof Error) && answer?.status === 200);
  assert.equal(server.countLines(/WORKER TIMEOUT/), 0);
});

test("TERM under load loses nothing", async (t) => {
  const server = await start(t, "tunicorn", ["-w", "2", "--access-logfile", "-", "--access-logformat", "asked %(q)s %(s)s"]);
  const answered = new Set<string>();
  const failed: string[] = [];
  let asked = 0;
  const ask = async () => {
    for (;;) {
      const client = await server.connect().catch(() => undefined);
      if (client === undefined) return;
      const number = String(++asked);
      client.send(get(`/concurrent?${number}`));
      const response = await client.readResponse().catch(() => undefined);
      // No answer at all: the kernel had accepted it, the server not yet. What the server has accepted is in its log.
      if (response?.status === 200 && response.complete) answered.add(number);
      else if (response !== undefined) failed.push(response.statusLine);
      client.close();
    }
  };
  const askers = Array.from({ length: 20 }, ask);
  await waitUntil("waiting for load", () => answered.size > 40);
  server.signal("SIGTERM");
  const exit = await server.exit();
  await Promise.all(askers);
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.deepEqual(failed, [], `${answered.size} were answered`);
  const accepted = server.lines.flatMap(({ text }) => /^asked (\d+) 200$/.exec(text)?.[1] ?? []);
  assert.deepEqual(new Set(accepted), answered);
  assert.equal(server.countLines(/^asked /), accepted.length);
});

test("HUP under load replaces the workers and loses nothing", async (t) => {
  const server = await start(t, "tunicorn", ["-w", "2"]);
  const before = await waitUntil("waiting for two workers", () => (server.workers().length === 2 ? server.workers() : undefined));
  const held = await holdMany(t, server, 10);
  server.signal("SIGHUP");
  let failed = 0;
  await waitUntil("waiting for new workers", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => server.exchange(get("/"))));
    failed += answers.filter(({ status }) => status !== 200).length;
    const now = server.workers();
    return now.filter((pid) => !before.includes(pid)).length >= 2;
  });
  held.release();
  const answers = await Promise.all(held.answers);
  assert.equal(failed, 0);
  assert.deepEqual(
    answers.map((answer) => (answer instanceof Error ? answer.message : answer.status)),
    Array(10).fill(200),
  );
});

test("what does not finish within graceful_timeout is cancelled", async (t) => {
  const note = join(temporaryFolder(t), "note");
  const server = await start(t, "tunicorn", ["-w", "1", "--graceful-timeout", "3"], { LIFESPAN_NOTE: note });
  const held = await holdMany(t, server, 3);
  const [pid = 0] = held.workers;
  process.kill(pid, "SIGTERM");
  await server.waitForLine(/Forcing close of 3 connections/);
  await waitUntil("waiting for the old worker to go", () => !server.workers().includes(pid));
  assert.equal(noteOf(note), "shut down", "its lifespan ended properly");
  const statuses = (await Promise.all(held.answers)).map((answer) => (answer instanceof Error ? 0 : answer.status));
  assert.deepEqual(statuses, [500, 500, 500]);
  assert.equal(field(await server.exchange(get("/")), "Server"), "tunicorn");
});
