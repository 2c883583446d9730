/** The nursery as a child process: its IPC channel, its lifeline, its end. */

import { type ChildProcess, type SendHandle, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { ExitStatus } from "../lifecycle/messages.ts";
import { closeHandle } from "./kept-handles.ts";

export interface NurseryProgram {
  /** The interpreter, a path or a name on PATH. */
  readonly python: string;
  /** Path of `tunicorn_worker/__main__.py`. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where it starts, the directory that the master was started in; when that is gone, where the master is now. */
  readonly directory: string;
}

/** One thing that the nursery did. Messages are JSON objects as they came; handles belong to whoever takes the happening. */
export type NurseryHappening =
  | { readonly what: "message"; readonly message: unknown; readonly handle: unknown }
  | { readonly what: "exit"; readonly status: ExitStatus; readonly cause?: string };

/** The shell's exit code for a program that cannot be found, or is none. */
const NO_SUCH_PROGRAM = 127;

/**
 * Ctrl-C reaches the whole group, and a Python that is still importing its own modules would answer it with a traceback. What is
 * ignored at an exec stays ignored, but Node gives its children no say in that, so a shell does it, and ends without a word of its own
 * when there is no such program.
 */
const IGNORING_INTERRUPTS = `trap "" INT; command -v "$0" > /dev/null || exit ${NO_SUCH_PROGRAM}; exec "$0" "$@"`;

/** What somebody who waits for an answer does with a happening: leaves it to all others, takes it, or takes it and waits no more. */
export type Taking = "left" | "taken" | "last";
type AsideListener = (happening: NurseryHappening) => Taking;

/** One nursery, from its start to its end. */
export class NurseryProcess {
  readonly program: NurseryProgram;
  readonly #child: ChildProcess;
  /** What happened before anybody listened. */
  #waiting: NurseryHappening[] = [];
  #listener: ((happening: NurseryHappening) => void) | undefined;
  #asideListener: AsideListener | undefined;
  #gatewayUnderWay = false;
  #ended = false;
  #killed = false;

  /**
   * Starts it. fd 3 is Node's channel, fd 4 the lifeline: a socketpair whose other end lives as long as this process does, and that
   * all descendants hold; nothing is ever sent on it.
   */
  constructor(program: NurseryProgram) {
    this.program = program;
    const child = spawn("/bin/sh", ["-c", IGNORING_INTERRUPTS, program.python, program.program, "nursery"], {
      stdio: ["inherit", "inherit", "inherit", "ipc", "pipe"],
      env: program.env,
      cwd: existsSync(program.directory) ? program.directory : undefined,
    });
    this.#child = child;
    child.on("message", (message, handle) => this.#happen({ what: "message", message, handle }));
    child.on("error", (error) => this.#end({ what: "exit", status: null, cause: `cannot start /bin/sh: ${error.message}` }));
    child.on("exit", (code, signal) => this.#end(describeEnd(program.python, code, signal)));
    // Its end is told by `exit`; a lifeline or a channel that breaks before is no news.
    child.stdio[4]?.on("error", () => {});
  }

  /** The gateway has been asked for before anybody listened: its messages are among those that `listen` hands over. */
  get gatewayUnderWay(): boolean {
    return this.#gatewayUnderWay;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isGone(): boolean {
    return this.#ended;
  }

  /** Hands over what has happened so far, and from then on everything as it happens. */
  listen(listener: (happening: NurseryHappening) => void): void {
    this.#listener = listener;
    this.#asideListener = undefined;
    for (const happening of this.#waiting.splice(0)) listener(happening);
  }

  /** Somebody has called `listen`. */
  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  /** Shows what happens to one who waits for an answer; what it leaves is for `listen`. */
  listenAside(take: AsideListener): void {
    this.#asideListener = take;
    for (const happening of this.#waiting.splice(0)) this.#happen(happening);
  }

  /** Sends a message, with a copy of a handle if one is given (ours stays open). To one that has gone it is lost. */
  send(message: object, handle?: unknown): void {
    if (!this.#child.connected) return;
    if (handle === undefined) this.#child.send(message, () => {});
    else this.#child.send(message, handle as SendHandle, { keepOpen: true }, () => {});
  }

  /** Has its Python logger write a line. @param pid  Whose it is. @returns false when it is not there any more. */
  log(level: string, text: string, pid: number): boolean {
    if (this.#ended || this.#killed || !this.#child.connected) return false;
    this.send({ cmd: "log", level, text, pid });
    return true;
  }

  /** Asks for the gateway as the first thing of all. @param command  The nursery's `gateway`. */
  startGateway(command: object): void {
    this.#gatewayUnderWay = true;
    this.send(command);
  }

  kill(): void {
    this.#killed = true;
    if (!this.#ended) this.#child.kill("SIGKILL");
  }

  /** Kills it before anybody has listened; a gateway that it has started sees its control socket end, and leaves. */
  discard(): void {
    this.listen((happening) => {
      if (happening.what === "message") closeHandle(happening.handle);
    });
    this.kill();
  }

  #happen(happening: NurseryHappening): void {
    const taking = this.#asideListener?.(happening) ?? "left";
    if (taking === "last") this.#asideListener = undefined;
    if (taking !== "left") return;
    if (this.#listener !== undefined) this.#listener(happening);
    else this.#waiting.push(happening);
  }

  #end(happening: NurseryHappening): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#happen(happening);
  }
}

function describeEnd(python: string, code: number | null, signal: NodeJS.Signals | null): NurseryHappening {
  const status = signal === null ? { code: code ?? 0 } : { signal };
  if (code !== NO_SUCH_PROGRAM) return { what: "exit", status };
  return { what: "exit", status, cause: `cannot start Python (${python}): there is no such program; name another one with --python` };
}
