/** The control interface: Gunicorn's own client drives both servers, ours as well, and their answers are compared. */

import assert from "node:assert/strict";
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ClientKind, Controlled, onlyFieldsOf, runClient, shapeOf } from "./control.ts";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, type ServerKind, temporaryFolder } from "./harness.ts";

const CLIENTS: readonly ClientKind[] = ["gunicornc", "tunicornc"];
/** Those that change nothing. */
const SHOWS = ["show all", "show workers", "show dirty", "show config", "show stats", "show listeners"];
const WRONG = [
  "show",
  "show foo",
  "SHOW Foo",
  "worker",
  "worker bogus",
  "worker kill",
  "worker kill x",
  "worker add x",
  "worker add 1.5",
  "worker remove x",
  "dirty",
  "dirty zap",
  "dirty add x",
  "bogus",
  "Bogus Words here",
];
const MUTE = ["dirty add", "dirty remove 2", "worker kill 999999"];

interface Pair {
  readonly server: Server;
  /** By each client. */
  readonly by: Readonly<Record<ClientKind, Controlled>>;
}

async function start(t: TestContext, kind: ServerKind, more: readonly string[] = []): Promise<Pair> {
  const path = join(temporaryFolder(t), "app.ctl");
  const server = await Server.start(t, kind, { args: ["-w", "2", "--control-socket", path, ...more, "cases:application"] });
  await server.waitForLine(/\[INFO\] Control socket listening at .*app\.ctl$/);
  const by = { gunicornc: new Controlled(path, "gunicornc"), tunicornc: new Controlled(path, "tunicornc") };
  await by.tunicornc.until("show stats", ({ workers_current: current }) => current === 2);
  return { server, by };
}

/** What is another at every moment. Beats come as whole numbers from our server, whose clients cannot tell. */
function withoutTime(text: string): string {
  return text.replace(/\d+(?:\.\d+)?s ago/g, "Ns ago").replace(/^Uptime: .*$/m, "Uptime:");
}

/** Numbers that are another at every start, or every moment. */
function steady(text: string): string {
  return text
    .replace(/\d+(?:\.\d+)?/g, "N")
    .replace(/\b(?:yes|no)\b/g, "B")
    .replace(/ +/g, " ");
}

test("real gunicornc and tunicornc read both servers alike", async (t) => {
  const pairs = await Promise.all(KINDS.map(async (kind) => await start(t, kind)));
  const sessions = await Promise.all(
    pairs.flatMap(({ by }) => CLIENTS.map(async (client) => await by[client].session([...SHOWS, "help", ...WRONG, ...MUTE]))),
  );
  const json = await Promise.all(
    pairs.map(async ({ by }) => (await by.gunicornc.session([...SHOWS, "help", ...MUTE], "-j")).map((text) => JSON.parse(text))),
  );
  const [model, ours] = [json[0]!, json.at(-1)!];
  for (const [index, command] of [...SHOWS, "help", ...MUTE].entries()) {
    assert.deepEqual(shapeOf(onlyFieldsOf(model[index], ours[index])), shapeOf(model[index]), command);
  }
  // Both clients show the same of one server, and of both servers in the same form.
  for (const [index, command] of [...SHOWS, "help", ...WRONG, ...MUTE].entries()) {
    const shown = sessions.map((session) => steady(session[index]!));
    const exact = sessions.map((session) => withoutTime(session[index]!));
    assert.equal(exact[1], exact[0], `${command} of Gunicorn by tunicornc`);
    assert.equal(exact.at(-1), exact.at(-2), `${command} of Tunicorn by gunicornc`);
    if (SHOWS.includes(command) && command !== "show config") assert.equal(shown.at(-1), shown[0], `${command} of both`);
  }
  for (const command of WRONG) {
    const index = [...SHOWS, "help", ...WRONG].indexOf(command);
    assert.match(sessions[0]![index]!, /^Error: Invalid argument: /);
    assert.equal(sessions.at(-1)![index], sessions[0]![index], command);
  }
  compareValues(model, ours);
});

/** What does not depend on pids, ports and time is the same; what Gunicorn gets wrong is right. */
// biome-ignore lint/suspicious/noExplicitAny: the answers, by the places of their commands
function compareValues(model: readonly any[], ours: readonly any[]): void {
  const [all, workers, dirty, config, stats, listeners, help, ...mute] = model;
  const [ourAll, ourWorkers, ourDirty, ourConfig, ourStats, ourListeners, ourHelp, ...ourMute] = ours;
  assert.deepEqual([ourDirty, ourMute], [dirty, mute]);
  assert.deepEqual([ourAll.web_worker_count, ourAll.arbiter.role, ourAll.dirty_arbiter], [all.web_worker_count, "master", null]);
  assert.deepEqual([ourWorkers.count, workers.count], [2, 2]);
  assert.deepEqual(
    ourWorkers.workers.map(({ age, booted, aborted }: Record<string, unknown>) => [age, booted, aborted]),
    [
      [1, true, false],
      [2, true, false],
    ],
  );
  const varying = { bind: 0, worker_class: 0, control_socket: 0 };
  assert.deepEqual({ ...ourConfig, ...varying }, { ...config, ...varying });
  assert.equal(ourConfig.worker_class, "sync");
  const { uptime: _, pid: __, ...counts } = onlyFieldsOf(stats, ourStats) as Record<string, unknown>;
  assert.deepEqual(counts, {
    workers_current: 2,
    workers_target: 2,
    workers_spawned: 2,
    workers_killed: 0,
    reloads: 0,
    dirty_arbiter_pid: null,
  });
  assert.deepEqual([ourListeners.count, ourListeners.listeners[0].type], [listeners.count, listeners.listeners[0].type]);
  for (const [usage, text] of Object.entries(help.commands)) assert.equal(ourHelp.commands[usage], text);
}

for (const kind of KINDS) {
  test(`${kind}: both clients steer it: workers, reload, logs, the end`, async (t) => {
    const { server, by } = await start(t, kind);
    const { gunicornc, tunicornc } = by;
    const current = (count: number) => (stats: { workers_current: number }) => stats.workers_current === count;
    const tell = async (command: string, answer: object): Promise<void> => {
      const said = await gunicornc.tell(command);
      if (said !== undefined || kind === "tunicorn") assert.deepEqual(said, answer);
    };
    await tell("worker add 2", { added: 2, previous: 2, total: 4 });
    await tunicornc.until("show stats", current(4));
    await tell("worker remove", { removed: 1, previous: 4, total: 3 });
    await tunicornc.until("show stats", current(3));
    const [{ pid }] = (await tunicornc.ask("show workers")).workers;
    await tell(`worker kill ${pid}`, { success: true, killed: pid });
    const isReplaced = ({ workers }: { workers: { pid: number }[] }) => workers.length === 3 && workers.every((each) => each.pid !== pid);
    await tunicornc.until("show workers", isReplaced);
    await tell("reopen", { status: "reopening" });
    await server.waitForLine(/Handling signal: usr1$/);
    const before = (await tunicornc.ask("show workers")).workers.map((worker: { pid: number }) => worker.pid);
    await tell("reload", { status: "reloading" });
    await server.waitForLine(/Handling signal: hup$/);
    await tunicornc.until(
      "show workers",
      ({ workers }) => workers.length === 2 && workers.every((each: { pid: number }) => !before.includes(each.pid)),
    );
    const stats = await tunicornc.ask("show stats");
    assert.deepEqual([stats.reloads, stats.workers_target], [1, 2]);
    // Gunicorn counts a worker each time it is told, and not what `worker kill` ends.
    if (kind === "tunicorn") assert.deepEqual([stats.workers_spawned, stats.workers_killed], [7, 5]);
    await tell("shutdown", { status: "shutting_down", mode: "graceful" });
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    await waitUntil("waiting for the socket to go", () => !existsSync(by.gunicornc.path));
    const gone = await Promise.all(CLIENTS.map(async (client) => await runClient(client, ["-s", by.gunicornc.path, "-c", "show stats"])));
    assert.deepEqual(gone[1], gone[0]);
    assert.deepEqual(
      [gone[0]?.code, gone[0]?.stderr],
      [1, `Error: Failed to connect to ${gunicornc.path}: [Errno 2] No such file or directory\n`],
    );
  });
}

test("the socket has its mode, its directory is the user's alone, and it is gone with the server", async (t) => {
  const folder = temporaryFolder(t);
  for (const [kind, mode] of KINDS.flatMap(
    (each) =>
      [
        [each, undefined],
        [each, "0660"],
      ] as const,
  )) {
    const path = join(folder, `${kind}${mode ?? ""}`, "app.ctl");
    const chosen = mode === undefined ? [] : ["--control-socket-mode", mode];
    const server = await Server.start(t, kind, { args: ["--control-socket", path, ...chosen, "cases:application"] });
    await server.waitForLine(/Control socket listening/);
    const facts = await waitUntil("waiting for the socket", () => lstatSync(path, { throwIfNoEntry: false }));
    assert.deepEqual([facts.mode & 0o777, lstatSync(join(path, "..")).mode & 0o777], [Number.parseInt(mode ?? "0600", 8), 0o700]);
    await server.stop();
    assert.ok(!existsSync(path));
  }
});
