/** Starts the stand-in nursery as the arbiter starts the real one, and keeps its log for the tests to wait on. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NurseryProcess } from "../../src/arbiter/nursery-process.ts";
import { ErrorLog } from "../../src/telemetry/error-log.ts";

const PROGRAM = fileURLToPath(new URL("stand-in-nursery.mjs", import.meta.url));

const WAIT_MS = 5;
/** More than a minute: far beyond what a starved machine needs. */
const WAIT_TRIES_MAX = 12_000;

/** @param behaviour  See stand-in-nursery.mjs. */
export function startStandIn(behaviour = "", directory = process.cwd()): NurseryProcess {
  return new NurseryProcess({ python: process.execPath, program: PROGRAM, env: { ...process.env, STAND_IN: behaviour }, directory });
}

/** An error log in a directory of its own. */
export class LogBook {
  readonly directory = mkdtempSync(join(tmpdir(), "tunicorn-arbiter-"));
  readonly log = new ErrorLog({ output: join(this.directory, "log"), level: "debug", pid: 1 });

  /** @returns the lines without their date: `"[INFO] Using worker: sync"`. */
  lines(): string[] {
    return readFileSync(join(this.directory, "log"), "utf8")
      .split("\n")
      .map((line) => line.replace(/^\[[^\]]*\] \[\d+\] /, ""));
  }

  /** Waits until a line matches. @throws {Error} with all lines when none has after a long while. */
  async line(pattern: RegExp, from = 0): Promise<number> {
    for (let tries = 0; tries < WAIT_TRIES_MAX; tries += 1) {
      const index = this.lines().findIndex((line, each) => each >= from && pattern.test(line));
      if (index >= 0) return index + 1;
      await new Promise((fulfil) => setTimeout(fulfil, WAIT_MS));
    }
    throw new Error(`waited for ${pattern}, saw:\n${this.lines().join("\n")}`);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
