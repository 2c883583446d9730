/** A stand-in for systemd: receives what a service says, and starts services with sockets (service_manager.py). */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { waitUntil } from "./deadline.ts";
import { APPS, PYTHON, type Scope } from "./harness.ts";

const PROGRAM = join(APPS, "..", "service_manager.py");

/** @returns what a server is started through to have these listening sockets: `["tcp", "unix:/path"]`. */
export function withSockets(...addresses: readonly string[]): string[] {
  return [PYTHON, PROGRAM, "run", JSON.stringify(addresses)];
}

/** @returns what a server is started through to have one listening socket, at this number. */
export function withSocketAt(fd: number): string[] {
  return [PYTHON, PROGRAM, "pass", String(fd)];
}

/** One datagram. */
export interface Note {
  /** Whose it is, says the kernel. */
  readonly pid: number;
  readonly text: string;
}

/** The end of NOTIFY_SOCKET. */
export class Notes {
  readonly all: Note[] = [];
  readonly #child: ChildProcess;

  private constructor(address: string) {
    this.#child = spawn(PYTHON, [PROGRAM, "listen", address], { stdio: ["ignore", "pipe", "inherit"] });
    if (this.#child.stdout !== null) createInterface(this.#child.stdout).on("line", (line) => this.all.push(JSON.parse(line)));
  }

  /** @param address  A path, or `@name`. */
  static async listen(scope: Scope, address: string): Promise<Notes> {
    const notes = new Notes(address);
    scope.after(() => void notes.#child.kill("SIGKILL"));
    await waitUntil("waiting for the service manager", () => notes.all.shift());
    return notes;
  }

  /** Waits for the first one whose text matches. @param from  Look only at those from this one on. */
  async wait(pattern: RegExp, from = 0): Promise<Note> {
    return await waitUntil(`waiting for ${pattern}`, () => this.all.slice(from).find(({ text }) => pattern.test(text))).catch((error) => {
      throw new Error(`${error}; it was told:\n${JSON.stringify(this.all, null, 1)}`);
    });
  }
}
