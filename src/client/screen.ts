/** The terminal of a full-screen program, left as it was on every way out that a process can see. */

import { writeSync } from "node:fs";
import { emitKeypressEvents } from "node:readline";
import type { ReadStream, WriteStream } from "node:tty";
import { ENTER_SCREEN, LEAVE_SCREEN } from "../control/top-paint.ts";
import { keyName, type ScreenSize } from "../control/top-state.ts";

/** Of a terminal that does not say. */
const USUAL: ScreenSize = { columns: 80, rows: 24 };
/** By which others end this program. Ctrl-C comes as a key. */
const ENDINGS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
const BY_SIGNAL = 128;

export type TerminalOutput = WriteStream & { readonly fd: number };

export interface ScreenEvents {
  key(key: string): void;
  resized(size: ScreenSize): void;
  /** Back from being suspended. */
  resumed(): void;
  /** The terminal has gone, or a signal says so. @param code  The exit code that follows from it. */
  ended(code: number): void;
}

export class Screen {
  readonly #input: ReadStream;
  readonly #output: TerminalOutput;
  readonly #events: ScreenEvents;
  #inUse = false;
  #shown = "";

  constructor(input: ReadStream, output: TerminalOutput, events: ScreenEvents) {
    this.#input = input;
    this.#output = output;
    this.#events = events;
    emitKeypressEvents(input);
    input.on("keypress", (text: string | undefined, key: { name?: string; ctrl?: boolean }) => events.key(keyName(text, key)));
    input.on("end", () => events.ended(0));
    input.on("error", () => events.ended(0));
    output.on("error", () => events.ended(0));
    output.on("resize", () => events.resized(this.size));
    for (const [name, number] of Object.entries(ENDINGS)) process.on(name, () => events.ended(BY_SIGNAL + number));
    process.on("SIGTSTP", () => this.suspend());
    process.on("SIGCONT", () => this.#resume());
    // Before its message is written, which would go with the screen.
    process.on("uncaughtExceptionMonitor", () => this.leave());
    process.on("exit", () => this.leave());
  }

  get size(): ScreenSize {
    const { columns, rows } = this.#output;
    // A pseudo-terminal that nobody has given a size has none.
    return columns > 0 && rows > 0 ? { columns, rows } : USUAL;
  }

  enter(): void {
    if (this.#inUse) return;
    this.#inUse = true;
    this.#shown = "";
    this.#input.setRawMode(true);
    this.#input.resume();
    this.#output.write(ENTER_SCREEN);
  }

  /** At once, for the process may be about to end. */
  leave(): void {
    if (!this.#inUse) return;
    this.#inUse = false;
    try {
      writeSync(this.#output.fd, LEAVE_SCREEN);
      this.#input.setRawMode(false);
    } catch {
      // The terminal itself is gone.
    }
    this.#input.pause();
  }

  /** @param picture  A whole screen; written if it is another one than before. */
  show(picture: string): void {
    if (!this.#inUse || picture === this.#shown) return;
    this.#shown = picture;
    this.#output.write(picture);
  }

  /** What stands there is not what was written last. */
  forget(): void {
    this.#shown = "";
  }

  /** Ctrl-Z: the shell gets its terminal back until `fg`. */
  suspend(): void {
    if (!this.#inUse) return;
    this.leave();
    // The signal that no handler keeps from stopping the process.
    process.kill(process.pid, "SIGSTOP");
  }

  #resume(): void {
    if (this.#inUse) return;
    this.enter();
    this.#events.resumed();
  }
}
