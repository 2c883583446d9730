/** The error log in Gunicorn's format: `[2026-11-20 20:57:56 +0000] [4211] [INFO] Listening at: http://127.0.0.1:8000 (4211)`. */

import { writeSync } from "node:fs";
import { formatJsonErrorLine } from "./json-lines.ts";
import { LogFile } from "./log-file.ts";

/** Gunicorn's `loglevel` words, from the most to the least talkative. */
export const LOG_LEVELS = ["debug", "info", "warning", "error", "critical"] as const;
export type ErrorLogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;
/** A reader that is slow for this long (a pipe that stays full) loses the line: logging must not stop the server. */
const WRITE_TRIES_MAX = 50;
const RETRY_MS = 2;

export interface ErrorLogOptions {
  /** `"-"` is standard error, anything else a file that is appended to. */
  readonly output: string;
  /** One of `LOG_LEVELS` in any case; what is unknown means info, as with Gunicorn. */
  readonly level: string;
  /** Absent: text. */
  readonly format?: LogFormat;
  /** Whose lines these are. */
  readonly pid: number;
}

export type LogFormat = "text" | "json";

/** Writes a line in the place of an ErrorLog. @returns false when it cannot: the ErrorLog then does. */
export type LineRelay = (level: ErrorLogLevel, text: string, pid: number) => boolean;

export class ErrorLog {
  /** Told of each line, also of those that the level lets not pass. */
  onLine: ((level: ErrorLogLevel) => void) | undefined;
  /** Where a Python logger writes the log: it decides about levels, too. */
  relay: LineRelay | undefined;
  readonly #pid: number;
  #lowest: number;
  #file: LogFile;
  #output: string;
  #format: LogFormat;

  /** @throws {Error} with the system's code when the file cannot be opened. */
  constructor(options: ErrorLogOptions) {
    this.#pid = options.pid;
    this.#lowest = rankOf(options.level);
    this.#output = options.output;
    this.#format = options.format ?? "text";
    this.#file = new LogFile(options.output, STDERR);
  }

  /** After a reload. @returns what to say when the new file cannot be opened, and the old one goes on. */
  change({ output, level, format }: Omit<ErrorLogOptions, "pid">): string | undefined {
    this.#format = format ?? "text";
    this.#lowest = rankOf(level);
    if (output === this.#output) return undefined;
    try {
      const file = new LogFile(output, STDERR);
      this.#file.close();
      this.#file = file;
      this.#output = output;
      return undefined;
    } catch (error) {
      return `cannot open the log file ${output}: ${(error as Error).message}`;
    }
  }

  isEnabled(level: ErrorLogLevel): boolean {
    return this.relay !== undefined || this.#isLoud(level);
  }

  #isLoud(level: ErrorLogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#lowest;
  }

  /** Written before it returns, so that no line is lost at the exit. Never throws: nobody listening is no reason to die. */
  write(level: ErrorLogLevel, text: string, pid: number = this.#pid): void {
    this.onLine?.(level);
    if (this.relay?.(level, text, pid) === true) return;
    if (!this.#isLoud(level)) return;
    const format = this.#format === "json" ? formatJsonErrorLine : formatErrorLine;
    writeFully(this.#file.fd, format(new Date(), pid, level, text));
  }

  /** Opens the file again, after a rotation. When that fails the old one stays, and says so. */
  reopen(): void {
    const failure = this.#file.reopen();
    if (failure !== undefined) this.write("error", failure);
  }
}

function rankOf(level: string): number {
  const known = (LOG_LEVELS as readonly string[]).indexOf(level.toLowerCase());
  return known < 0 ? LOG_LEVELS.indexOf("info") : known;
}

/** @returns one line with its end, in the local time zone: `%Y-%m-%d %H:%M:%S %z`. */
export function formatErrorLine(at: Date, pid: number, level: ErrorLogLevel, text: string): string {
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `[${day} ${time} ${zone(-at.getTimezoneOffset())}] [${pid}] [${level.toUpperCase()}] ${text}\n`;
}

/** @param eastMinutes  Minutes ahead of UTC: 330 is `+0530`. */
function zone(eastMinutes: number): string {
  const minutes = Math.abs(eastMinutes);
  return `${eastMinutes < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** Writes all of a text, waiting a little for a slow reader; what cannot be written (EPIPE, a full disk) is dropped. */
export function writeFully(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  for (let tries = 0; written < bytes.length && tries < WRITE_TRIES_MAX; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      tries += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
