/** What tests of upgrades (USR2) share. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { killQuietly, readProcesses, readProcessFile } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { type KINDS, Server, type StartOptions, temporaryFolder } from "./harness.ts";
import { Client, get } from "./http-client.ts";
import type { ProcessInfo } from "./process-tree.ts";

/** Shows what the worker's environment says of masters and sockets, and who it is. */
export const APPLICATION = `
import json
import os


def application(environ, start_response):
    names = ("GUNICORN_PID", "GUNICORN_FD", "LISTEN_PID", "LISTEN_FDS", "NOTIFY_SOCKET")
    seen = {name: os.environ[name] for name in names if name in os.environ}
    start_response("200 OK", [])
    return [json.dumps({"pid": os.getpid(), "variables": seen, "release": RELEASE}).encode()]


RELEASE = 1
`;

export interface Upgrading {
  readonly server: Server;
  readonly folder: string;
  readonly pidFile: string;
}

export async function start(t: TestContext, kind: (typeof KINDS)[number], options: Partial<StartOptions> = {}): Promise<Upgrading> {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "shown.py"), APPLICATION);
  const pidFile = join(folder, "pid");
  const args = ["-p", pidFile, "--name", "shop", "--log-level", "debug", ...(options.args ?? []), "shown"];
  const server = await Server.start(t, kind, { cwd: folder, ...options, args });
  return { server, folder, pidFile };
}

export function pidIn(path: string): number | undefined {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return text.endsWith("\n") ? Number(text) : undefined;
}

/** USR2 to a master, by default to the first one. @returns the pid of the new one, which has a worker that serves. */
export async function upgrade(t: TestContext, { server, pidFile }: Upgrading, master = server.pid): Promise<number> {
  const from = server.lines.length;
  process.kill(master, "SIGUSR2");
  const pid = await waitUntil("waiting for the new master's pid file", () => pidIn(`${pidFile}.2`));
  t.after(() => killQuietly(pid));
  await server.waitForLine(new RegExp(`Listening at: \\S+ \\(${pid}\\)$`), from);
  await waitUntil("waiting for its worker", () => (workersOf(pid).length > 0 ? true : undefined));
  await waitUntil("waiting for its answer", async () => workersOf(pid).includes((await seen(server)).pid));
  return pid;
}

/** Waits until it has given itself its title, which comes after the first worker. */
export async function nurseryOf(master: number): Promise<number> {
  const isNursery = (pid: number) => /: nursery/.test(readProcessFile(pid, "cmdline") ?? "");
  return await waitUntil(
    `waiting for the nursery of ${master}`,
    () => readProcesses().find(({ pid, parent }) => parent === master && isNursery(pid))?.pid,
  );
}

/** Workers below a master, with or without a nursery in between. Not by their environment: a title may have been written over it. */
export function workersOf(master: number): number[] {
  const all = readProcesses().filter(({ state }) => state !== "Z");
  const titled = (title: RegExp, parents: readonly number[]) =>
    all.filter(({ pid, parent }) => parents.includes(parent) && title.test(readProcessFile(pid, "cmdline") ?? "")).map(({ pid }) => pid);
  return titled(/: worker/, [master, ...titled(/: nursery/, [master])]);
}

export interface Seen {
  readonly pid: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly release: number;
}

export async function seen(server: Server): Promise<Seen> {
  const { status, body } = await server.exchange(get("/"));
  assert.equal(status, 200);
  return JSON.parse(body);
}

/** Asks until one of these workers answers. */
export async function seenBy(server: Server, master: number): Promise<Seen> {
  return await waitUntil(`waiting for an answer of a worker of ${master}`, async () => {
    const answer = await seen(server);
    return workersOf(master).includes(answer.pid) ? answer : undefined;
  });
}

export function titleOf(server: Server, pid: number): string | undefined {
  return server
    .processes()
    .find((info) => info.pid === pid)
    ?.command.trim();
}

/**
 * Ends a master, and waits until the other one knows: before it has looked at its child it refuses another upgrade.
 * The harness sees the end of the first one only when nobody has its standard streams any more.
 */
export async function end(server: Server, pid: number, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  process.kill(pid, signal);
  const isOver = (info: ProcessInfo) => info.pid !== pid || (info.state === "Z" && info.parent !== server.pid);
  await waitUntil(`waiting for the end of ${pid}`, () => server.processes().every(isOver));
}

/** TERM to the old master, by default the first one, and the new one is alone. */
export async function promote(server: Server, old = server.pid): Promise<void> {
  const from = server.lines.length;
  await end(server, old);
  await server.waitForLine(/Master has been promoted\.$/, from);
}

/** The end of the last master. */
export async function endLast(server: Server, pid: number): Promise<void> {
  await end(server, pid);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  await server.nothingLeft();
}

/** A server that stops closes connections that are idle for 0.2 s: what a client sends later than this may meet that. */
const SURELY_OPEN_MS = 150;

/** Clients that never retry: each request on a connection of its own, and one client that keeps its own until it is told to close. */
export function startLoad(server: Server) {
  const counts = { answered: 0, kept: 0, failures: [] as string[] };
  let running = true;
  const ask = async (client: Client, text: string): Promise<boolean> => {
    client.send(text);
    const { status, complete, fields } = await client.readResponse();
    if (status !== 200 || !complete) counts.failures.push(`status ${status} complete ${complete}`);
    counts.answered += 1;
    return fields.some(([name, value]) => name.toLowerCase() === "connection" && value === "close");
  };
  const eachItsOwn = async (): Promise<void> => {
    while (running) {
      const client = await Client.connect(server.address);
      await ask(client, get("/"));
      client.close();
    }
  };
  const kept = async (): Promise<void> => {
    while (running) {
      const client = await Client.connect(server.address);
      await askAgainAndAgain(client);
      client.close();
    }
  };
  const askAgainAndAgain = async (client: Client): Promise<void> => {
    for (let sentMs = performance.now(), idleMs = 0; running; counts.kept += 1) {
      try {
        if (await ask(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")) return;
      } catch (error) {
        // This process stood still for too long, which says nothing of the server.
        if (idleMs < SURELY_OPEN_MS) throw error;
        return;
      }
      idleMs = performance.now() - sentMs;
      sentMs = performance.now();
    }
  };
  const note = (error: unknown) => counts.failures.push(String(error));
  const done = Promise.all([eachItsOwn(), eachItsOwn(), eachItsOwn(), kept()].map((client) => client.catch(note)));
  const stop = async (): Promise<void> => {
    running = false;
    await done;
  };
  return { counts, stop };
}
