/**
 * The way of metrics out of a Node process: lines into a pipe, which a program of the Python half sends as datagrams. Node knows no unix
 * datagrams, and one of UDP costs it 4.8 us where a line costs 0.3 [measured]; a request has three.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** What the program has not read; beyond it metrics are lost, as on a network. */
const UNSENT_BYTES_MAX = 1024 * 1024;
/** A program that ended is started again after this, when there is something to send. */
const RESTART_MS = 1000;

export class StatsdPipe {
  readonly #command: readonly string[];
  readonly #onError: (text: string) => void;
  #child: ChildProcess | undefined;
  #notBeforeMs = 0;
  #held = "";
  /** That the program fails is told once. */
  #told = false;

  /**
   * @param command  The program and its arguments.
   * @param onError  Told what the program says of errors, seldom.
   */
  constructor(command: readonly string[], onError: (text: string) => void) {
    this.#command = command;
    this.#onError = onError;
  }

  /** @param lines  Each ends in `\n`. All of one turn leave in one write. */
  add(lines: string): void {
    if (this.#held === "") setImmediate(() => this.flush());
    this.#held += lines;
  }

  flush(): void {
    const text = this.#held;
    this.#held = "";
    if (text === "") return;
    const pipe = this.#pipe();
    if (pipe?.writable && pipe.writableLength < UNSENT_BYTES_MAX) pipe.write(text, "latin1");
  }

  #pipe(): Writable | null | undefined {
    if (this.#child === undefined && performance.now() >= this.#notBeforeMs) this.#start();
    return this.#child?.stdin;
  }

  #start(): void {
    const [program = "", ...args] = this.#command;
    let child: ChildProcess;
    try {
      child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
    } catch (error) {
      this.#tellFailure(`cannot start ${program}: ${(error as Error).message}`);
      this.#rest();
      return;
    }
    this.#child = child;
    const forget = (): void => {
      if (this.#child === child) this.#child = undefined;
      this.#rest();
    };
    child.on("error", (error) => {
      this.#tellFailure(`cannot start ${program}: ${error.message}`);
      forget();
    });
    child.on("exit", (code) => {
      if (code !== 0) this.#tellFailure(`${program} ended with ${code === null ? "a signal" : `code ${code}`}`);
      forget();
    });
    // Where no descriptor is free there are no pipes either.
    child.stdin?.on("error", () => {});
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#onError(text.trim()));
  }

  #rest(): void {
    this.#notBeforeMs = performance.now() + RESTART_MS;
  }

  #tellFailure(text: string): void {
    if (!this.#told) this.#onError(text);
    this.#told = true;
  }

  /** The program sends what it has, and ends. */
  close(): void {
    this.flush();
    this.#child?.removeAllListeners("exit").stdin?.end();
    this.#child = undefined;
  }
}
