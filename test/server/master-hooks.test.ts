/** Hooks of the master: order, process, arguments and the `server` object, the same configuration under both servers. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, type Scope, type Server, type ServerKind } from "./harness.ts";
import { ReloadSite } from "./reload-site.ts";

/** Writes a line for each call: who called, and what is equal to what. `mark` is a live object that must survive a reload. */
const CONFIG = `
import os
from multiprocessing import Queue

def note(name, *words):
    os.write(2, ("HOOK " + " ".join(str(word) for word in (name, *words)) + "\\n").encode())

def nworkers_changed(server, new, old):
    note("nworkers_changed", new, old, server.num_workers)

def on_starting(server):
    server.home = os.getpid()
    server.queue = Queue()
    note("on_starting", server.pid > 0, server.num_workers, server.master_name, server.timeout, server.proc_name, server.cfg.workers, server.WORKERS)
    server.log.info("hook %s", "logs")

def when_ready(server):
    note("when_ready", server.home == os.getpid(), [str(listener) for listener in server.LISTENERS] == [f"unix:{server.cfg.bind[0][5:]}"], server.worker_age)

def pre_fork(server, worker):
    worker.slot = worker.age * 10
    note("pre_fork", server.home == os.getpid(), worker.age, worker.pid, server.worker_age >= worker.age - 1)

def post_fork(server, worker):
    server.queue.put(worker.age)
    note("post_fork", server.home == os.getpid(), worker.age, worker.slot, worker.pid == os.getpid(), worker.booted)

def post_worker_init(worker):
    note("post_worker_init", worker.age, worker.slot)

def worker_exit(server, worker):
    note("worker_exit", server.home == os.getpid(), worker.age, worker.slot)

def child_exit(server, worker):
    note("child_exit", server.home == os.getpid(), worker.age, worker.slot, worker.pid > 0, worker.pid in server.WORKERS)

def on_reload(server):
    note("on_reload", server.home == os.getpid(), server.queue.get(timeout=30), server.cfg.workers)

def on_exit(server):
    note("on_exit", server.home == os.getpid(), sorted(server.WORKERS))
`;

const hookLines = (server: Server): string[] => server.lines.map(({ text }) => text).filter((text) => text.startsWith("HOOK "));
const count = (server: Server, hook: string): number => hookLines(server).filter((line) => line.startsWith(`HOOK ${hook} `)).length;

async function waitFor(server: Server, hook: string, times: number): Promise<void> {
  await waitUntil(`waiting for ${times} x ${hook}`, () => count(server, hook) >= times).catch((error: unknown) => {
    throw new Error(`${String(error)}; its lines:\n${server.output()}`);
  });
}

/** A start, TTIN, TTOU, HUP, TERM, each awaited to its end. */
async function story(t: Scope, kind: ServerKind, settings: Readonly<Record<string, string>>): Promise<string[]> {
  const site = new ReloadSite(t, { workers: "1", ...settings });
  site.configure({}, CONFIG);
  const server = await site.start(kind);
  await waitFor(server, "post_worker_init", 1);
  server.signal("SIGTTIN");
  await waitFor(server, "post_worker_init", 2);
  server.signal("SIGTTOU");
  await waitFor(server, "child_exit", 1);
  server.signal("SIGHUP");
  await waitFor(server, "child_exit", 2);
  await waitFor(server, "post_worker_init", 3);
  await server.waitForLine(/\[INFO\] hook logs$/);
  server.signal("SIGTERM");
  await server.exit();
  return hookLines(server);
}

const named = (lines: readonly string[], ...names: string[]): string[] => lines.filter((line) => names.includes(line.split(" ")[1] ?? ""));

for (const settings of [{}, { preload_app: "True" }, { worker_class: '"tornado"' }]) {
  test(`the master's hooks tell the same story on both servers ${JSON.stringify(settings)}`, async (t) => {
    const stories = await Promise.all(KINDS.map((kind) => story(t, kind, settings)));
    for (const told of stories) {
      // The order within each process; a worker and the master write at the same time. Which worker a TTOU ends, and which
      // of two is reaped first, may differ: there the lines are compared without their order.
      for (const names of [
        ["nworkers_changed", "on_starting", "when_ready", "pre_fork", "on_reload", "on_exit"],
        ["post_fork", "post_worker_init"],
      ])
        assert.deepEqual(named(told, ...names), named(stories[0] ?? [], ...names));
      for (const name of ["worker_exit", "child_exit"]) assert.deepEqual(named(told, name).sort(), named(stories[0] ?? [], name).sort());
      assert.equal(told.at(-1), "HOOK on_exit True []");
      assert.equal(named(told, "child_exit").length, 3);
    }
  });
}

for (const kind of KINDS) {
  test(`${kind}: a RuntimeError of on_starting is a message, and exit 1`, async (t) => {
    const site = new ReloadSite(t, {});
    site.configure({}, "def on_starting(server):\n    raise RuntimeError('no database')\n");
    await assert.rejects(site.start(kind), /Error: no database/);
    assert.deepEqual(await site.server.exit(), { code: 1, signal: null });
  });
}

test("a hook that raises later is logged with its traceback, and the server goes on", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  site.configure(
    {},
    "def child_exit(server, worker):\n    raise KeyError('in the hook')\ndef on_reload(server):\n    raise KeyError('too')\n",
  );
  const server = await site.start("tunicorn");
  await site.reload();
  await server.waitForLine(/\[ERROR\] Exception in on_reload hook$/);
  await server.waitForLine(/\[ERROR\] Exception in child_exit hook$/);
  await server.waitForLine(/^KeyError: 'in the hook'$/);
  assert.equal((await site.ask())[0], "one");
});

test("what hooks ask of the server is done: num_workers, kill_worker, reload, halt; the rest is refused in words", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  const source = `
import signal
reloads = 0
def when_ready(server):
    server.num_workers = 2
    for refused in (server.spawn_worker, lambda: server.cfg.set("workers", 5)):
        try:
            refused()
        except RuntimeError as error:
            server.log.info("refused: %s", error)
def nworkers_changed(server, new, old):
    server.log.info("workers %s %s", new, old)
def child_exit(server, worker):
    server.log.info("ended %s", worker.age)
    if worker.age == 1:
        server.reload()
    if worker.age == 2:
        server.halt("enough of it", 7)
def post_worker_init(worker):
    worker.log.info("booted %s", worker.age)
def on_reload(server):
    server.log.info("reloaded by a hook")
    oldest = min(server.WORKERS.values(), key=lambda worker: worker.age)
    server.kill_worker(oldest.pid, signal.SIGKILL)
`;
  site.configure({}, source);
  const server = await site.start("tunicorn");
  await server.waitForLine(/workers 2 1$/);
  await server.waitForLine(/refused: server\.spawn_worker\(\) cannot be called by a hook/);
  await server.waitForLine(/refused: cfg\.set\('workers', \.\.\.\) has no effect/);
  await server.waitForLine(/booted 2$/);
  const [, pid] = await server.waitForLine(/Booting worker with pid: (\d+)/);
  process.kill(Number(pid), "SIGKILL");
  await server.waitForLine(/reloaded by a hook$/);
  await server.waitForLine(/ended 2$/);
  assert.deepEqual(await server.exit(), { code: 7, signal: null });
  assert.match(server.output(), /\[ERROR\] Shutting down: Master\n.*\[ERROR\] Reason: enough of it\n/);
});

test("files of dead workers are cleaned up by child_exit, as prometheus_client's multiprocess mode wants it, also after the nursery died", async (t) => {
  const site = new ReloadSite(t, { workers: "2" });
  // What mark_process_dead does: it removes the files of gauges that belong to a living process.
  const source = `
import glob, os
FOLDER = os.path.dirname(os.path.abspath(__file__))
def post_fork(server, worker):
    open(os.path.join(FOLDER, f"gauge_live_{worker.pid}.db"), "w").close()
def child_exit(server, worker):
    for path in glob.glob(os.path.join(FOLDER, f"gauge_live*_{worker.pid}.db")):
        os.remove(path)
`;
  site.configure({}, source);
  const server = await site.start("tunicorn");
  const files = () =>
    readdirSync(site.folder)
      .filter((name) => name.startsWith("gauge_live_"))
      .sort();
  const expected = () =>
    server
      .workers()
      .map((pid) => `gauge_live_${pid}.db`)
      .sort();
  const clean = () =>
    waitUntil("waiting for the files of the living", () => expected().length === 2 && files().join() === expected().join());
  await clean();
  await site.reload();
  await clean();
  process.kill(server.workers()[0] ?? 0, "SIGKILL");
  await clean();
  process.kill(server.nursery() ?? 0, "SIGKILL");
  await server.waitForLine(/nursery replaced/);
  await clean();
});
