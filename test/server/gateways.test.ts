/** Two gateways: every worker serves both, either may die, and nobody but its own clients notices. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type SecureVersion } from "node:tls";
import { CA, TLS_SERVER } from "./certificates.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { APPS, type Scope, Server, temporaryFolder } from "./harness.ts";
import { type Held, holdRequest } from "./held-request.ts";
import { type Client, exchange, get } from "./http-client.ts";

const CLASSES = [
  { name: "sync", args: ["faults:app"] },
  { name: "gthread", args: ["faults:app", "--threads", "3"] },
  { name: "asgi", args: ["faults:asgi", "-k", "asgi"] },
  { name: "gevent", args: ["faults:app", "-k", "gevent"] },
] as const;
const CLIENTS = 4;
const KEPT = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/** A server with two gateways and two workers; both gateways are up. */
async function start(t: Scope, args: readonly string[], env: Record<string, string> = {}): Promise<Server> {
  const server = await Server.start(t, "tunicorn", { args: [...args, "-w", "2", "--gateways", "2", "--log-level", "debug"], env });
  await gatewaysUp(server, 2);
  await serving(server);
  return server;
}

/** @param count  So many have been up since the start. */
async function gatewaysUp(server: Server, count: number): Promise<void> {
  await waitUntil(`waiting for gateway ${count}`, () => server.countLines(/\[DEBUG\] gateway up pid=/) >= count);
}

/** Both gateways have workers that answer. */
async function serving(server: Server): Promise<void> {
  for (const gateway of await pairOf(server)) assert.equal((await through(server, gateway, () => server.exchange(get("/")))).status, 200);
}

async function pairOf(server: Server): Promise<number[]> {
  return await waitUntil("waiting for two gateways", () => server.gateways().length === 2 && server.gateways());
}

/** Does something while this gateway alone can accept. */
async function through<T>(server: Server, gateway: number, action: () => Promise<T>): Promise<T> {
  const others = server.gateways().filter((pid) => pid !== gateway);
  for (const pid of others) process.kill(pid, "SIGSTOP");
  try {
    await waitUntil("waiting for the others to stand still", () =>
      server.processes().every(({ pid, state }) => !others.includes(pid) || state === "T"),
    );
    return await action();
  } finally {
    for (const pid of others) process.kill(pid, "SIGCONT");
  }
}

/** Clients that ask again and again on new connections, and never twice for the same. */
class Load {
  readonly #server: Server;
  readonly #clients: Promise<void>[];
  #over = false;
  readonly failures: string[] = [];
  answers = 0;

  constructor(server: Server) {
    this.#server = server;
    this.#clients = Array.from({ length: CLIENTS }, () => this.#ask());
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      try {
        const { status, complete } = await exchange(this.#server.address, get("/brief"));
        if (status === 200 && complete) this.answers++;
        else this.failures.push(`status ${status}`);
      } catch (error) {
        this.failures.push((error as NodeJS.ErrnoException).code ?? String(error));
      }
    }
  }

  /** Waits until so many more have been answered. */
  async more(count: number): Promise<void> {
    const wanted = this.answers + count;
    await waitUntil("waiting for answers", () => this.answers >= wanted);
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#clients);
  }
}

for (const { name, args } of CLASSES) {
  test(`${name}: kill -9 of a gateway under load costs its connections only; HUP and TERM cost nothing`, async (t) => {
    const server = await start(t, args);
    const [first = 0, second = 0] = await pairOf(server);
    const kept = await through(server, second, async () => {
      const client = await server.connect();
      t.after(() => client.close());
      // It is this gateway's when it has answered: before, it lies in the kernel's queue, which is everybody's.
      client.send(KEPT);
      assert.equal((await client.readResponse()).status, 200);
      return client;
    });
    const load = new Load(server);
    await load.more(10);
    assert.equal(load.failures.join(), "");

    process.kill(first, "SIGKILL");
    for (let count = 0; count < 20; count++) {
      kept.send(KEPT);
      assert.equal((await kept.readResponse()).status, 200);
    }
    await gatewaysUp(server, 3);
    await load.more(10);
    assert.ok(load.failures.length <= CLIENTS, load.failures.join());
    assert.ok(!load.failures.includes("ECONNREFUSED"), "nobody is refused");

    const before = load.failures.length;
    const from = server.lines.length;
    server.signal("SIGHUP");
    await server.waitForLine(/reload done gen=1 workers=2$/, from);
    await load.more(10);
    assert.equal(load.failures.length, before, load.failures.join());
    await load.end();
    await serving(server);

    const clients: Client[] = [kept];
    for (const gateway of await pairOf(server)) {
      await through(server, gateway, async () => {
        for (let count = 0; count < 5; count++) clients.push(await server.connect());
      });
    }
    t.after(() => {
      for (const client of clients) client.close();
    });
    for (const client of clients) client.send(KEPT.repeat(3));
    server.signal("SIGTERM");
    for (const client of clients) {
      for (let count = 0; count < 3; count++) assert.equal((await client.readResponse()).status, 200);
    }
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
  });
}

for (const { name, args, lanes } of [
  { name: "sync", args: ["cases"], lanes: 1 },
  { name: "gthread", args: ["cases", "--threads", "2"], lanes: 2 },
]) {
  test(`${name}: a worker dies while requests of both gateways run in it and wait`, async (t) => {
    const server = await start(t, args);
    const [first = 0, second = 0] = await pairOf(server);
    const held: Held[] = [];
    for (let count = 0; count < lanes; count++) {
      for (const gateway of [first, second]) held.push(await through(server, gateway, () => holdRequest(t, server)));
    }
    const waiting: Client[] = [];
    for (const gateway of [first, second, first, second]) {
      await through(server, gateway, async () => {
        const client = await server.connect();
        t.after(() => client.close());
        client.send(get("/"));
        waiting.push(client);
        // The gateway refuses this one by itself, after it has written the ticket of the one before.
        assert.equal((await server.exchange("bad\r\n\r\n")).status, 400);
      });
    }
    const [{ worker } = assert.fail()] = held;
    const dead = held.filter((one) => one.worker === worker);
    assert.equal(dead.length, lanes);
    process.kill(worker, "SIGKILL");
    for (const one of held) {
      if (one.worker !== worker) one.release();
      const answer = await one.answer;
      assert.equal(answer instanceof Error ? answer : answer.status, one.worker === worker ? 502 : 200);
      one.release();
    }
    for (const client of waiting) assert.equal((await client.readResponse()).status, 200);
    await waitUntil("waiting for the log", () => server.countLines(/request lost with its worker/) === lanes);
    await serving(server);
  });
}

/** Where a worker dies that takes a request, and whether somebody else may have it then. */
const STEPS = [
  { step: "look", again: true },
  { step: "claim", again: true },
  { step: "look again", again: false },
  { step: "start", again: false },
];

for (const { name, args } of CLASSES.slice(0, 2)) {
  test(`${name}: a worker dies at each step of its claim of a request of either gateway`, async (t) => {
    const folder = temporaryFolder(t);
    const order = join(folder, "order");
    const server = await start(t, [...args, "-c", join(APPS, "kill_at_step.conf.py")], { KILL_ORDER: order });
    for (const [index, gateway] of (await pairOf(server)).entries()) {
      for (const { step, again } of STEPS) {
        await waitUntil("waiting for two workers", () => server.workers().length === 2);
        const note = join(folder, `${index}-${step.replace(" ", "-")}`);
        writeFileSync(order, step);
        const { status } = await through(server, gateway, () => server.exchange(get(`/?note=${note}`)));
        assert.equal(existsSync(order), false, "a worker has died");
        assert.deepEqual([step, status, existsSync(note)], [step, again ? 200 : 502, again]);
      }
    }
  });
}

test("max_requests counts the requests of all gateways, and costs none; nor does the nursery's death", async (t) => {
  const server = await start(t, ["faults:app", "--max-requests", "5"]);
  const load = new Load(server);
  await load.more(60);
  assert.deepEqual(load.failures, []);
  assert.ok(server.countLines(/Autorestarting worker after current request\./) >= 5, server.output());

  const nursery = server.nursery() ?? 0;
  process.kill(nursery, "SIGKILL");
  await server.waitForLine(/\[INFO\] nursery replaced, adopted_workers=/);
  await load.more(60);
  assert.deepEqual(load.failures, [], server.output());
  await load.end();

  const gateways = await pairOf(server);
  for (const [index, gateway] of gateways.entries()) {
    process.kill(gateway, "SIGKILL");
    await gatewaysUp(server, 3 + index);
  }
  assert.ok(!(await pairOf(server)).some((pid) => gateways.includes(pid)));
  await serving(server);
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
});

interface Handshake {
  readonly resumed: boolean;
  /** A resumed session of TLS 1.2 is not renewed. */
  readonly session: Buffer | undefined;
}

/** One TLS connection and request; the session of an earlier one is offered. */
async function shakeHands(server: Server, version: SecureVersion, session?: Buffer): Promise<Handshake> {
  return await withDeadline<Handshake>("a TLS connection", (resolve, reject) => {
    const offered = session === undefined ? {} : { session };
    const options = { port: Number(server.address), host: "127.0.0.1", servername: "localhost", ca: CA, ...offered };
    const socket = connect({ ...options, minVersion: version, maxVersion: version });
    let given: Buffer | undefined;
    socket.on("session", (data) => {
      given = data;
    });
    socket.on("error", reject);
    let resumed = false;
    socket.on("secureConnect", () => {
      resumed = socket.isSessionReused();
      socket.write(get("/"));
    });
    socket.resume();
    socket.on("close", () => {
      resolve({ resumed, session: given });
    });
  });
}

test("a TLS session that was begun with one gateway is resumed by the other, and by one that is started later", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: [...TLS_SERVER, "cases", "--gateways", "2", "--log-level", "debug"] });
  await gatewaysUp(server, 2);
  const [first = 0, second = 0] = await pairOf(server);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const begun = await through(server, first, () => shakeHands(server, version));
    assert.equal(begun.resumed, false);
    assert.equal((await through(server, second, () => shakeHands(server, version, begun.session))).resumed, true, version);
  }
  const begun = await through(server, second, () => shakeHands(server, "TLSv1.2"));
  process.kill(first, "SIGKILL");
  await gatewaysUp(server, 3);
  const third = (await pairOf(server)).find((pid) => pid !== second) ?? 0;
  assert.equal((await through(server, third, () => shakeHands(server, "TLSv1.2", begun.session))).resumed, true);
});
