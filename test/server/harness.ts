/** Starts real servers, Gunicorn or Tunicorn, watches their lines and processes, and makes sure that nothing is left of them. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { Client, exchange, type Response } from "./http-client.ts";
import { MARKER, type ProcessInfo, processesOf } from "./process-tree.ts";

export type ServerKind = "gunicorn" | "tunicorn";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
export const APPS = join(PROJECT, "test/server/apps");
export const VENV = join(PROJECT, ".venv-test");
export const PYTHON = join(VENV, "bin/python");

const PROGRAMS: Readonly<Record<ServerKind, string>> = {
  gunicorn: join(VENV, "bin/gunicorn"),
  tunicorn: join(PROJECT, "bin/tunicorn"),
};

/** Both, unless TUNICORN_TEST_SERVERS names one: to try a case on one server while writing it. */
export const KINDS: readonly ServerKind[] = (["gunicorn", "tunicorn"] as const).filter((kind) =>
  (process.env.TUNICORN_TEST_SERVERS ?? "gunicorn,tunicorn").split(",").includes(kind),
);

assert.notEqual(KINDS.length, 0, "TUNICORN_TEST_SERVERS names no server");

/** What a test needs of node:test's context. */
export interface Scope {
  after(cleanUp: () => Promise<void> | void): void;
}

export interface StartOptions {
  /** Command line without the bind address: `["cases", "-w", "2"]`. */
  readonly args: readonly string[];
  /** Default: the folder of the test applications. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default `"127.0.0.1:0"`: the kernel chooses a free port, the server's log says which; null gives no `-b`. */
  readonly bind?: string | null;
  /** A program that is given the server's command line to run: its first process is the one that is watched. */
  readonly through?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One line that the server wrote. */
export interface Line {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** Makes a folder for one test's files, removed when the test ends. */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-test-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** One running server. */
export class Server {
  readonly kind: ServerKind;
  readonly pid: number;
  readonly lines: Line[] = [];
  readonly exited: Promise<Exit>;
  /** Where it listens: set when `ready` has been awaited. */
  address: number | string = 0;
  readonly #child: ChildProcess;
  readonly #id: string;
  #exit: Exit | undefined;

  private constructor(kind: ServerKind, options: StartOptions, folder: string) {
    this.kind = kind;
    this.#id = randomUUID();
    const bind = options.bind === null ? [] : ["-b", options.bind ?? "127.0.0.1:0"];
    const [program = "", ...args] = [...(options.through ?? []), PROGRAMS[kind], ...bind, ...options.args];
    this.#child = spawn(program, args, {
      cwd: options.cwd ?? APPS,
      env: { ...testEnvironment(folder), [MARKER]: this.#id, ...options.env },
      detached: true, // a session of its own, so that its processes can be told from ours
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.pid = this.#child.pid ?? assert.fail(`cannot start ${program}`);
    this.#collect("stdout");
    this.#collect("stderr");
    this.exited = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  /** Starts a server; the test's end stops it, and fails if anything of it is left. Does not wait for it to be ready. */
  static spawn(scope: Scope, kind: ServerKind, options: StartOptions): Server {
    const folder = mkdtempSync(join(tmpdir(), "tunicorn-test-"));
    const server = new Server(kind, options, folder);
    scope.after(async () => {
      try {
        await server.#end();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
    return server;
  }

  /** Starts a server and waits until its workers have booted. */
  static async start(scope: Scope, kind: ServerKind, options: StartOptions): Promise<Server> {
    const server = Server.spawn(scope, kind, options);
    await server.ready();
    return server;
  }

  /** Waits until it listens and answers: a worker's boot line comes before the application is loaded. */
  async ready(): Promise<void> {
    const [, url = ""] = await this.waitForLine(/Listening at: (\S+) \(/);
    this.address = url.startsWith("unix:") ? url.slice("unix:".length) : Number(/:(\d+)$/.exec(url)?.[1]);
    await this.waitForLine(/Booting worker with pid: /);
  }

  #collect(stream: "stdout" | "stderr"): void {
    let partial = "";
    this.#child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) this.lines.push({ stream, text: line });
    });
    this.#child[stream]?.on("end", () => {
      if (partial !== "") this.lines.push({ stream, text: partial });
    });
  }

  /** Everything written so far. */
  output(stream?: "stdout" | "stderr"): string {
    return this.lines
      .filter((line) => stream === undefined || line.stream === stream)
      .map(({ text }) => `${text}\n`)
      .join("");
  }

  /**
   * Waits for a line.
   *
   * @param from  Look only at lines from this one on: `server.lines.length` before the action.
   */
  async waitForLine(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return await waitUntil(`waiting for ${pattern}`, () => {
      for (const { text } of this.lines.slice(from)) {
        const match = pattern.exec(text);
        if (match !== null) return match;
      }
      if (this.#exit !== undefined)
        throw new Error(`${this.kind} ended with ${JSON.stringify(this.#exit)} before ${pattern}:\n${this.output()}`);
      return undefined;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; its lines:\n${this.output()}`, { cause: error });
    });
  }

  /**
   * Waits until so many workers serve and the arbiter has heard of it: a worker's boot line comes before the application is
   * loaded. Of a server with `--log-level debug`, and workers that a gateway feeds.
   */
  async workersReady(count: number): Promise<void> {
    await waitUntil(`waiting for ${count} workers to be ready`, () => this.countLines(/\[DEBUG\] worker ready worker=/) >= count);
  }

  /** Waits until somebody listens at `address`: a unix socket's file is there before that. */
  async listening(): Promise<void> {
    const isListening = () =>
      this.connect().then(
        (client) => {
          client.close();
          return true;
        },
        () => false,
      );
    await waitUntil(`waiting for a listener at ${this.address}`, isListening);
  }

  countLines(pattern: RegExp): number {
    return this.lines.filter(({ text }) => pattern.test(text)).length;
  }

  async connect(): Promise<Client> {
    return await Client.connect(this.address);
  }

  async exchange(request: string): Promise<Response> {
    return await exchange(this.address, request);
  }

  /** All its processes that live, zombies included. */
  processes(): ProcessInfo[] {
    return processesOf(this.pid, this.#id);
  }

  /** Its worker processes: Gunicorn's are the master's children, Tunicorn's the nursery's Python children. */
  workers(): number[] {
    const all = this.processes().filter(({ state }) => state !== "Z");
    const parent = this.kind === "gunicorn" ? this.pid : this.nursery();
    return all.filter((info) => info.parent === parent && !isNode(info)).map(({ pid }) => pid);
  }

  /** Tunicorn's root nursery: the Python child of the arbiter. */
  nursery(): number | undefined {
    return this.processes().find((info) => info.parent === this.pid && info.state !== "Z" && !isNode(info))?.pid;
  }

  /** Tunicorn's gateway: the Node child of the nursery. */
  gateway(): number | undefined {
    return this.gateways()[0];
  }

  /** With the setting `gateways`: all of them. */
  gateways(): number[] {
    return this.processes()
      .filter((info) => info.pid !== this.pid && info.state !== "Z" && isNode(info))
      .map(({ pid }) => pid);
  }

  /** To the first process only. */
  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** Waits for the end. */
  async exit(): Promise<Exit> {
    return await withDeadline(`waiting for the end of ${this.kind}`, (resolve) => void this.exited.then(resolve));
  }

  /** TERM, the end, and nothing left. */
  async stop(): Promise<Exit> {
    if (this.#exit === undefined) this.signal("SIGTERM");
    const exit = await this.exit();
    await this.nothingLeft();
    return exit;
  }

  /** Waits until none of its processes is there any more. */
  async nothingLeft(): Promise<void> {
    await waitUntil("waiting for the last process to go", () => this.processes().length === 0).catch((error: unknown) => {
      const left = this.processes().map(({ pid, state, command }) => `${pid} ${state} ${command}`);
      throw new Error(`${this.kind} left processes behind:\n${left.join("\n")}\nits lines:\n${this.output()}`, { cause: error });
    });
  }

  /** Gunicorn's own way to stop is not what is tested, and takes up to 15 s when TERM meets the wrong moment. */
  async #end(): Promise<void> {
    try {
      if (this.kind === "tunicorn") await this.stop();
    } finally {
      for (const { pid } of this.processes()) killQuietly(pid);
    }
  }
}

function isNode({ program, command }: ProcessInfo): boolean {
  // A process title is the main thread's name too, so that either may tell.
  return program === "node" || program === "MainThread" || /(?:^|\/)node |: gateway/.test(command);
}

/** Nothing of the developer's own settings; the control socket and all other run-time files go to the test's folder. */
function testEnvironment(folder: string): Record<string, string> {
  return {
    PATH: `${join(VENV, "bin")}:${process.env.PATH ?? ""}`,
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    TMPDIR: folder,
    LANG: "C.UTF-8",
    VIRTUAL_ENV: VENV,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
  };
}
