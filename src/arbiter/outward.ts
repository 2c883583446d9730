/** What the master shows of its settings to the outside: log, pid file, process title, current directory. */

import { displayValue, logsInPython, noEffectNotes, type Resolved, SETTING_NAMES, type Settings } from "../settings/index.ts";
import type { ErrorLog, LineRelay } from "../telemetry/error-log.ts";
import { logOptions, makeLogs, openLogs } from "./log-files.ts";
import { PidFile, SUCCESSOR_SUFFIX } from "./pid-file.ts";

export class Outward {
  readonly log: ErrorLog;
  readonly #pid: number;
  #settings: Settings;
  /** Another master has the names: ours have a suffix until `promote`. */
  #isSuccessor: boolean;
  #pidFile: PidFile | undefined;
  readonly #relay: LineRelay | undefined;

  /** @param relay  Takes the log's lines where a Python logger writes them. @throws {Error} with Gunicorn's text for what can only be found wrong now. */
  constructor(resolved: Resolved, pid: number, isSuccessor = false, relay?: LineRelay) {
    const { settings } = resolved;
    this.#relay = relay;
    this.#pid = pid;
    this.#settings = settings;
    this.#isSuccessor = isSuccessor;
    process.chdir(settings.chdir);
    this.log = openLogs(settings, pid);
    this.log.relay = logsInPython(settings) ? relay : undefined;
    if (settings.pidfile !== null) this.#pidFile = new PidFile(settings.pidfile, pid, isSuccessor);
    this.#logSettings(resolved);
    for (const note of noEffectNotes(resolved)) this.log.write("info", note);
    const note = resolved.uvicorn?.note;
    if (note !== undefined) this.log.write(note.level, note.text);
    this.#showTitle();
  }

  /** After a reload. What cannot be done is logged, and stays as it was. */
  apply(resolved: Resolved): void {
    const { settings } = resolved;
    this.#settings = settings;
    makeLogs(settings);
    const failure = this.log.change(logOptions(settings));
    this.log.relay = logsInPython(settings) ? this.#relay : undefined;
    if (failure !== undefined) this.log.write("error", failure);
    this.#logSettings(resolved);
    try {
      process.chdir(settings.chdir);
      this.#movePidFile(settings.pidfile);
    } catch (error) {
      this.log.write("error", (error as Error).message);
    }
    this.#showTitle();
  }

  /** After a rotation. */
  reopenLogs(): void {
    makeLogs(this.#settings);
    this.log.reopen();
  }

  /** Also when the path is the same: somebody may have removed the file. */
  #movePidFile(path: string | null): void {
    const before = this.#pidFile;
    const next = path === null ? undefined : new PidFile(path, this.#pid, this.#isSuccessor);
    this.#pidFile = next;
    if (before !== undefined && before.path !== next?.path) before.remove();
  }

  /** The other master has ended: names and environment are those of a master that is alone. */
  promote(): void {
    this.#isSuccessor = false;
    delete process.env.GUNICORN_PID;
    this.#showTitle();
    try {
      this.#pidFile?.promote();
    } catch (error) {
      this.log.write("error", `cannot rename the pid file: ${(error as Error).message}`);
    }
  }

  removePidFile(): void {
    this.#pidFile?.remove();
  }

  #logSettings(resolved: Resolved): void {
    if (!this.log.isEnabled("debug")) return;
    const lines = SETTING_NAMES.map((name) => `  ${name}: ${displayValue(resolved.settings, name)}`);
    this.log.write("debug", `Current configuration:\n${lines.join("\n")}`);
  }

  #showTitle(): void {
    const { proc_name, default_proc_name } = this.#settings;
    process.title = `tunicorn: master [${proc_name ?? default_proc_name}${this.#isSuccessor ? SUCCESSOR_SUFFIX : ""}]`;
  }
}
