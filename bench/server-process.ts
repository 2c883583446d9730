import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { waitForFirstAnswer } from "./first-answer.ts";
import { onOneCpu } from "./one-cpu.ts";
import { isAlive, killQuietly, type ProcessIdentity, readProcessTree, readTreePssBytes } from "./process-tree.ts";
import { APPS_DIRECTORY, commandOf, type ServeCase, type ServerSpec } from "./servers.ts";

/** The slowest start seen is under 2 s; what takes ten times that will not come. */
const START_LIMIT_MS = 20_000;
/** Time between SIGTERM and SIGKILL: no request is open then, so nothing has to be waited for. */
const STOP_LIMIT_MS = 10_000;
/** Time for the other processes of a server to follow the one that we started. */
const LEFTOVER_LIMIT_MS = 2_000;
const POLL_MS = 20;
/** How much of a failed server's log is shown: its last line of a traceback and what leads to it. */
const LOG_TAIL_CHARACTERS = 1_500;

const HELLO_BODY = "Hello, World!";

/** Where servers find their programs and leave their logs. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** A folder that the bench removes at its end. */
  readonly logDirectory: string;
}

/** A server that did not get as far as answering. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** A server of which the first answer has been seen. */
export class RunningServer {
  readonly port: number;
  /** From just before its start to the end of its first answer. */
  startMs = Number.NaN;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#exited = once(child, "exit");
    this.port = port;
  }

  pssBytes(): number {
    return readTreePssBytes(this.#pid);
  }

  /** Ends it as an operator would, with SIGTERM. Returns complaints: `did not stop within 10 s of SIGTERM`, `left 2 processes behind`. */
  async stop(): Promise<string[]> {
    const complaints: string[] = [];
    const tree = readProcessTree(this.#pid);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGTERM");
      const stopped = await Promise.race([this.#exited.then(() => true), sleep(STOP_LIMIT_MS, false, { ref: false })]);
      if (!stopped) {
        complaints.push(`did not stop within ${STOP_LIMIT_MS / 1000} s of SIGTERM`);
        this.kill();
        await this.#exited;
      }
    } else {
      complaints.push(`ended by itself: ${describeExit(this.#child)}`);
      // Its children have another parent now; only the group still leads to them.
      killQuietly(-this.#pid);
    }
    const leftovers = await waitForLeftovers(tree);
    if (leftovers.length > 0) complaints.push(`left ${leftovers.length} processes behind`);
    for (const { pid } of leftovers) killQuietly(pid);
    return complaints;
  }

  /** SIGKILL to every process below the one we started, and to its group for those that have lost their parent. */
  kill(): void {
    for (const { pid } of readProcessTree(this.#pid)) killQuietly(pid);
    killQuietly(-this.#pid);
  }

  get #pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new StartError("the server was never started");
    return pid;
  }
}

async function waitForLeftovers(tree: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> {
  const deadline = performance.now() + LEFTOVER_LIMIT_MS;
  for (;;) {
    const leftovers = tree.filter(isAlive);
    if (leftovers.length === 0 || performance.now() > deadline) return leftovers;
    await sleep(POLL_MS);
  }
}

function describeExit(child: ChildProcess): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
}

/** A port on 127.0.0.1 that nobody listens on at the moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("the system gave no port to a listening socket");
  return address.port;
}

/**
 * Starts a server and waits for its first answer.
 *
 * @returns undefined when this server cannot do what is asked
 * @throws {StartError} when it does not answer, or not with the application's words; the message ends with its log
 */
export async function startServer(
  spec: ServerSpec,
  wanted: Omit<ServeCase, "port"> & { readonly oneCpu: boolean },
  surroundings: Surroundings,
): Promise<RunningServer | undefined> {
  const port = await findFreePort();
  const command = commandOf(spec, { ...wanted, port });
  if (command === undefined) return undefined;
  const [program = "", ...args] = wanted.oneCpu ? onOneCpu(command) : command;
  const logFile = join(surroundings.logDirectory, `${spec.name}.log`);
  const log = openSync(logFile, "w");
  const startedAtMs = performance.now();
  const child = spawn(program, args, { cwd: APPS_DIRECTORY, env: surroundings.env, stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  const fail = (what: string): StartError => {
    const tail = readFileSync(logFile, "utf8").trim().slice(-LOG_TAIL_CHARACTERS);
    // Without the number of the port, so that the same failure of two rounds is shown as one.
    const shown = [program, ...args].join(" ").replaceAll(`127.0.0.1:${port}`, "127.0.0.1:PORT");
    return new StartError(`${what}: ${shown}${tail === "" ? "" : `\n${tail}`}`);
  };
  try {
    await once(child, "spawn");
  } catch (error) {
    throw fail(`cannot be started (${error instanceof Error ? error.message : error})`);
  }
  const server = new RunningServer(child, port);
  const ended = new AbortController();
  child.once("exit", () => ended.abort());
  try {
    const response = await waitForFirstAnswer(
      port,
      wanted.tls !== undefined,
      AbortSignal.any([ended.signal, AbortSignal.timeout(START_LIMIT_MS)]),
    );
    server.startMs = performance.now() - startedAtMs;
    if (response.status !== 200) throw new Error(`answered with status ${response.status}`);
    if (response.body.toString() !== HELLO_BODY) throw new Error(`answered ${JSON.stringify(response.body.toString().slice(0, 60))}`);
    return server;
  } catch (error) {
    const early = ended.signal.aborted;
    await server.stop();
    if (early) throw fail(`ended with ${describeExit(child)} before its first answer`);
    throw fail(`gave no first answer (${error instanceof Error ? error.message : error})`);
  }
}
