/** Classes that accept clients by themselves: Tornado's, aiohttp's, and one as others write them. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { environmentWithout } from "./environment-without.ts";
import { KINDS, type Scope, Server, type ServerKind, type StartOptions, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { openFiles, whileThere } from "./process-tree.ts";

interface WorkerClass {
  readonly name: string;
  readonly args: readonly string[];
  /** What `/` answers: a word and the worker's pid. */
  readonly word: string;
}

/** Three times the classes' pause between two beats: a busy machine may be late with one. */
const TIMEOUT_S = 3;

const TORNADO: WorkerClass = { name: "tornado", args: ["-k", "tornado", "tornado_site:app"], word: "tornado" };
const THIRD_PARTY: WorkerClass = {
  name: "third_party.PlainWorker",
  args: ["-k", "third_party.PlainWorker", "third_party"],
  word: "plain",
};
const AIOHTTP: WorkerClass = {
  name: "aiohttp.GunicornWebWorker",
  args: ["-k", "aiohttp.GunicornWebWorker", "aiohttp_site:app"],
  word: "asyncio",
};
const UVLOOP: WorkerClass = {
  name: "aiohttp.GunicornUVLoopWebWorker",
  args: ["-k", "aiohttp.GunicornUVLoopWebWorker", "aiohttp_site:factory"],
  word: "uvloop",
};
const CLASSES: readonly WorkerClass[] = [TORNADO, AIOHTTP, UVLOOP, THIRD_PARTY];

/** Each tells: that the worker is this process, that it has an application, whether it has booted and goes on. */
const HOOKS = `
import os

def note(name, worker, *words):
    words = (worker.pid == os.getpid(), worker.wsgi is not None, worker.booted, worker.alive, *words)
    os.write(2, (" ".join(["HOOK", name, *map(str, words)]) + "\\n").encode())

def post_worker_init(worker):
    note("post_worker_init", worker)

def worker_int(worker):
    note("worker_int", worker)

def worker_exit(server, worker):
    note("worker_exit", worker, server.pid, server.num_workers, server.cfg is worker.cfg)
`;

/** A server, and whether the application's environment has the gunicorn package. */
interface Variant {
  readonly kind: ServerKind;
  readonly installed: boolean;
}

const VARIANTS: readonly Variant[] = [
  ...KINDS.map((kind) => ({ kind, installed: true })),
  ...KINDS.filter((kind) => kind === "tunicorn").map((kind) => ({ kind, installed: false })),
];

const nameOf = ({ kind, installed }: Variant): string => (installed ? kind : `${kind} without the gunicorn package`);

async function start(scope: Scope, { kind, installed }: Variant, options: StartOptions): Promise<Server> {
  const env = installed ? {} : environmentWithout(scope, ["gunicorn"]);
  return await Server.start(scope, kind, { ...options, env: { ...env, ...options.env } });
}

/** @returns the pid of the worker that answered. */
async function answeredBy(server: Server, word: string): Promise<number> {
  const response = await server.exchange(get("/"));
  assert.equal(response.status, 200, response.body);
  const [said, pid] = response.body.trim().split(" ");
  assert.equal(said, word);
  return Number(pid);
}

async function waitForWorkers(server: Server, count: number, without: readonly number[] = []): Promise<number[]> {
  return await waitUntil(`waiting for ${count} workers other than ${without}`, () => {
    const workers = server.workers();
    return workers.length === count && !workers.some((pid) => without.includes(pid)) ? workers : undefined;
  });
}

/** The file of its heartbeat has the monotonic clock's time, which is far from the time of day. */
function hasBeaten(pid: number): boolean {
  const file = openFiles(pid).find(({ target }) => /wgunicorn-|tunicorn-heartbeat/.test(target));
  const mtimeMs = file === undefined ? 0 : (whileThere(() => statSync(file.path).mtimeMs) ?? 0);
  return mtimeMs > 0 && mtimeMs < Date.now() / 2;
}

for (const kind of KINDS) {
  test(`${kind}: worker_tmp_dir, where no name is left behind`, async (t) => {
    const folder = temporaryFolder(t);
    const server = await Server.start(t, kind, { args: ["--worker-tmp-dir", folder, ...TORNADO.args] });
    await waitUntil("waiting for an answer", () => server.exchange(get("/")).then(({ status }) => status === 200));
    const files = openFiles(server.workers()[0] ?? 0).map(({ target }) => target);
    const heartbeat = kind === "gunicorn" ? `${folder}/wgunicorn-` : "/memfd:tunicorn-heartbeat";
    assert.ok(
      files.some((target) => target.startsWith(heartbeat)),
      files.join("\n"),
    );
    assert.deepEqual(readdirSync(folder), []);
    if (kind === "tunicorn") await server.waitForLine(/setting without effect name=worker_tmp_dir/);
  });
}

for (const variant of VARIANTS) {
  for (const { name, args, word } of CLASSES) {
    const title = `${nameOf(variant)}, ${name}`;

    test(`${title}: serves, counts, replaces and stops its workers`, async (t) => {
      const server = await start(t, variant, { args: ["-w", "2", ...args] });
      await server.waitForLine(new RegExp(`Using worker: ${name}$`));
      const first = await waitForWorkers(server, 2);
      assert.ok(first.includes(await answeredBy(server, word)));
      if (variant.kind === "tunicorn") assert.equal(server.gateway(), undefined, "a gateway runs");

      server.signal("SIGTTIN");
      await server.waitForLine(/Handling signal: ttin/);
      await waitForWorkers(server, 3);
      server.signal("SIGTTOU");
      await waitForWorkers(server, 2);

      const [victim = 0] = server.workers();
      process.kill(victim, "SIGKILL");
      await server.waitForLine(new RegExp(`\\[ERROR\\] Worker \\(pid:${victim}\\) was sent SIGKILL! Perhaps out of memory\\?$`));
      const second = await waitForWorkers(server, 2, [victim]);

      server.signal("SIGHUP");
      await server.waitForLine(/Hang up: Master/);
      const third = await waitForWorkers(server, 2, second);
      assert.ok(third.includes(await answeredBy(server, word)));
      // One that still boots would be dismissed without a word.
      await waitUntil("waiting for both to serve", () => third.every(hasBeaten));
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      for (const pid of third) assert.match(server.output(), new RegExp(`\\[${pid}\\] \\[INFO\\] Worker exiting \\(pid: ${pid}\\)`));
    });

    test(`${title}: TERM lets a request finish`, async (t) => {
      const folder = temporaryFolder(t);
      const server = await start(t, variant, { args });
      const client = await server.connect();
      t.after(() => client.close());
      client.send(get(`/stay?note=${folder}/note&gate=${folder}/gate`));
      await waitUntil("waiting for the request to be in the application", () => existsSync(join(folder, "note")));
      server.signal("SIGTERM");
      await server.waitForLine(/Handling signal: term/);
      writeFileSync(join(folder, "gate"), "");
      assert.equal((await client.readResponse()).body, "stayed\n");
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      await server.nothingLeft();
    });

    test(`${title}: USR1 opens the log anew`, async (t) => {
      const log = join(temporaryFolder(t), "log");
      const { kind } = variant;
      const env = variant.installed ? {} : environmentWithout(t, ["gunicorn"]);
      const server = Server.spawn(t, kind, { args: ["--error-logfile", log, ...args], env });
      const [, pid] = await waitUntil("waiting for the worker", () => {
        const text = existsSync(log) ? readFileSync(log, "utf8") : "";
        const url = /Listening at: http:\/\/\S+:(\d+) /.exec(text);
        if (url !== null) server.address = Number(url[1]);
        return /Booting worker with pid: (\d+)/.exec(text) ?? undefined;
      });
      assert.equal(await answeredBy(server, word), Number(pid));
      renameSync(log, `${log}.1`);
      server.signal("SIGUSR1");
      await waitUntil("waiting for the new file", () => existsSync(log));
      await waitUntil("waiting for the worker to have opened it", () => openFiles(Number(pid)).some(({ target }) => target === log));
      await server.stop();
      assert.match(readFileSync(log, "utf8"), new RegExp(`Worker exiting \\(pid: ${pid}\\)`));
    });

    for (const signal of ["SIGINT", "SIGQUIT"] as const) {
      test(`${title}: ${signal} stops at once`, async (t) => {
        const server = await start(t, variant, { args });
        await answeredBy(server, word);
        server.signal(signal);
        assert.deepEqual(await server.exit(), { code: 0, signal: null });
        await server.nothingLeft();
      });
    }

    test(`${title}: nothing is left after a kill -9 of the master`, async (t) => {
      const server = await start(t, variant, { args: ["-w", "2", ...args] });
      await waitForWorkers(server, 2);
      await answeredBy(server, word);
      server.signal("SIGKILL");
      await server.exit();
      await server.nothingLeft();
    });

    test(`${title}: a worker without a heartbeat is killed and replaced`, async (t) => {
      const server = await start(t, variant, { args: ["--timeout", String(TIMEOUT_S), ...args] });
      const pid = await answeredBy(server, word);
      // The clock begins with the first beat.
      await waitUntil("waiting for its first beat", () => hasBeaten(pid));
      const client = await server.connect();
      t.after(() => client.close());
      client.send(get("/hang"));
      await server.waitForLine(new RegExp(`\\[CRITICAL\\] WORKER TIMEOUT \\(pid:${pid}\\)`));
      await waitForWorkers(server, 1, [pid]);
      assert.notEqual(await answeredBy(server, word), pid);
    });
  }

  test(`${nameOf(variant)}: a class has what Gunicorn gives it`, async (t) => {
    const server = await start(t, variant, { args: ["-e", "DIRECT=yes", "--backlog", "99", ...THIRD_PARTY.args] });
    assert.deepEqual(JSON.parse((await server.exchange(get("/facts"))).body), {
      setup: true,
      timeout: 15,
      workers: 1,
      settings: 99,
      ssl: false,
      env: { DIRECT: "yes" },
      exported: "yes",
      parent: true,
      pid: true,
      blocking: false,
      sockets: [true],
      wsgi: "application",
      text: true,
      booted: true,
      tmp: true,
    });
  });

  test(`${nameOf(variant)}: a class object in the configuration`, async (t) => {
    const folder = temporaryFolder(t);
    const config = join(folder, "conf.py");
    writeFileSync(
      config,
      "from gunicorn.workers.base import Worker\nfrom third_party import PlainWorker\nclass Mine(PlainWorker):\n    pass\nworker_class = Mine\n",
    );
    const env = { PYTHONPATH: "." };
    const server = await start(t, variant, { args: ["-c", config, "third_party"], env });
    await server.waitForLine(/Using worker: Mine$/);
    await answeredBy(server, THIRD_PARTY.word);
  });

  for (const { name, args, word } of [TORNADO, AIOHTTP, THIRD_PARTY]) {
    for (const signal of ["SIGTERM", "SIGQUIT"] as const) {
      test(`${nameOf(variant)}, ${name}: hooks until ${signal}`, async (t) => {
        const config = join(temporaryFolder(t), "conf.py");
        writeFileSync(config, HOOKS);
        const server = await start(t, variant, { args: ["-c", config, ...args] });
        await answeredBy(server, word);
        server.signal(signal);
        await server.exit();
        const told = server.lines.map(({ text }) => text).filter((text) => text.startsWith("HOOK "));
        const between = signal === "SIGQUIT" ? ["HOOK worker_int True True True False"] : [];
        assert.deepEqual(told, [
          "HOOK post_worker_init True True False True",
          ...between,
          `HOOK worker_exit True True True False ${server.pid} 1 True`,
        ]);
      });
    }
  }

  for (const { name, args, word } of [TORNADO, THIRD_PARTY]) {
    test(`${nameOf(variant)}, ${name}: max_requests replaces a worker, and no request is lost`, async (t) => {
      const server = await start(t, variant, { args: ["--max-requests", "3", ...args] });
      const pids = new Set<number>();
      await waitUntil("waiting for three workers to have answered", async () => {
        pids.add(await answeredBy(server, word));
        return pids.size >= 3 ? true : undefined;
      });
      await waitUntil("waiting for their words", () => server.countLines(/Autorestarting worker after current request\.$/) >= 2);
      assert.equal(server.countLines(/\[(WARNING|ERROR|CRITICAL)\]/), 0, server.output());
    });
  }

  test(`${nameOf(variant)}: a worker that cannot boot ends the server`, async (t) => {
    const env = variant.installed ? {} : environmentWithout(t, ["gunicorn"]);
    const server = Server.spawn(t, variant.kind, { args: ["-k", "aiohttp.GunicornWebWorker", "aiohttp_site:broken"], env });
    assert.deepEqual(await server.exit(), { code: 3, signal: null });
    assert.match(server.output(), /\[ERROR\] Exception in worker process\nTraceback[\s\S]*ValueError: the factory fails\n/);
    assert.match(server.output(), /\[ERROR\] Reason: Worker failed to boot\./);
    await server.nothingLeft();
  });

  test(`${nameOf(variant)}: an application that is not there ends the server`, async (t) => {
    const env = variant.installed ? {} : environmentWithout(t, ["gunicorn"]);
    const server = Server.spawn(t, variant.kind, { args: ["-k", "tornado", "tornado_site:nothing"], env });
    assert.deepEqual(await server.exit(), { code: 4, signal: null });
    assert.match(server.output(), /Failed to find attribute 'nothing' in 'tornado_site'\./);
    assert.match(server.output(), /\[ERROR\] Reason: App failed to load\./);
    await server.nothingLeft();
  });
}

for (const kind of KINDS.filter((each) => each === "tunicorn")) {
  const variant = { kind, installed: true };
  const { args, word } = THIRD_PARTY;

  test(`${kind}: direct workers with preload_app are replaced by HUP`, async (t) => {
    const server = await start(t, variant, { args: ["-w", "2", "--preload", ...args] });
    // One that still boots would not be replaced, but dismissed.
    const before = await waitUntil("waiting for both to serve", () => {
      const pids = [...server.output().matchAll(/Booting worker with pid: (\d+)/g)].map(([, pid]) => Number(pid));
      return pids.length === 2 && pids.every(hasBeaten) ? pids : undefined;
    });
    server.signal("SIGHUP");
    await server.waitForLine(/reload done gen=1 workers=2/);
    for (const pid of before) await server.waitForLine(new RegExp(`Worker exiting \\(pid: ${pid}\\)`));
    assert.ok(!before.includes(await answeredBy(server, word)));
    assert.equal(server.countLines(/Parent changed/), 0, server.output());
  });

  test(`${kind}: direct workers are replaced when the nursery dies, and clients wait meanwhile`, async (t) => {
    const server = await start(t, variant, { args: ["-w", "2", ...args] });
    await waitForWorkers(server, 2);
    const before = await answeredBy(server, word);
    process.kill(server.nursery() ?? assert.fail("no nursery"), "SIGKILL");
    await server.waitForLine(/nursery replaced/);
    assert.notEqual(
      await waitUntil("waiting for a new worker", async () => {
        const pid = await answeredBy(server, word);
        return pid === before ? undefined : pid;
      }),
      before,
    );
    await waitForWorkers(server, 2, [before]);
    await server.stop();
  });

  for (const each of CLASSES) {
    test(`${kind}, ${each.name}: nobody is refused and nothing goes wrong while HUP replaces the workers`, async (t) => {
      const server = await start(t, variant, { args: ["-w", "2", ...each.args] });
      const before = await waitForWorkers(server, 2);
      server.signal("SIGHUP");
      await waitUntil("waiting for both to be replaced, with requests all the time", async () => {
        // A class that is told to leave closes what it has just accepted and not read, with Gunicorn too: that client asks again.
        await answeredBy(server, each.word).catch((error: Error) =>
          assert.match(error.message, /^the server closed without a whole head: ""$/),
        );
        return server.countLines(/reload done gen=1 workers=2$/) > 0 && !server.workers().some((pid) => before.includes(pid));
      });
      assert.equal(server.countLines(/\[(WARNING|ERROR|CRITICAL)\]/), 0, server.output());
    });
  }

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`${kind}: nothing is left of a direct worker in a long request after ${signal} to the master`, async (t) => {
      const folder = temporaryFolder(t);
      const server = await start(t, variant, { args: ["--graceful-timeout", "1", ...args] });
      const client = await server.connect();
      t.after(() => client.close());
      client.send(get(`/stay?note=${folder}/note&gate=${folder}/gate`));
      await waitUntil("waiting for the request to be in the application", () => existsSync(join(folder, "note")));
      server.signal(signal);
      await server.exit();
      await server.nothingLeft();
    });
  }
}
