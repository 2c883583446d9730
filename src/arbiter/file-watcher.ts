/** Watches files: the sources that workers report with `reload`, once for all workers; certificates. */

import { type FSWatcher, type Stats, statSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

/** `auto` is the system's own notification, polling where it cannot be had; `inotify` is the same, Gunicorn's word for it. */
export type ReloadEngine = "auto" | "inotify" | "poll";

/** Polled files are looked at this often, as Gunicorn does; and folders, whether they are still those that are watched. */
const POLL_MS = 1000;
/** An editor writes a file in several steps: the last one counts, when nothing has followed it for so long. */
const QUIET_MS = 20;
/** Something that writes all the time is not waited for. */
const QUIET_WAIT_MS = 500;

/** What changes when a file does; access times and modes do not count. */
interface Stamp {
  readonly modifiedMs: number;
  readonly bytes: number;
  readonly inode: number;
}

/** One folder with files that count. Folders are watched and not files: a file that is replaced by another is seen then. */
interface Folder {
  readonly names: Set<string>;
  /** Undefined: its files are polled. */
  watcher: FSWatcher | undefined;
  readonly inode: number | undefined;
}

export class FileWatcher {
  readonly #engine: ReloadEngine;
  readonly #onChange: (path: string) => void;
  readonly #onTrouble: (text: string) => void;
  readonly #folders = new Map<string, Folder>();
  /** Undefined for a file that is not there at the moment. */
  readonly #stamps = new Map<string, Stamp | undefined>();
  #poll: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #changed: { readonly path: string; readonly sinceMs: number } | undefined;

  /**
   * @param onChange   Called with one of the files, once for changes that come together. A file that goes is no change before it is
   *                   back: its module lives on.
   * @param onTrouble  A folder cannot be watched, and is polled instead.
   */
  constructor(engine: ReloadEngine, onChange: (path: string) => void, onTrouble: (text: string) => void) {
    this.#engine = engine;
    this.#onChange = onChange;
    this.#onTrouble = onTrouble;
  }

  /** @param files  Absolute paths; those that are watched already are left out. */
  add(files: readonly string[]): void {
    for (const path of files) {
      if (this.#stamps.has(path)) continue;
      this.#stamps.set(path, stampOf(path));
      this.#folderOf(path).names.add(basename(path));
    }
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#quiet);
    for (const { watcher } of this.#folders.values()) watcher?.close();
    this.#folders.clear();
    this.#stamps.clear();
  }

  #folderOf(path: string): Folder {
    const directory = dirname(path);
    const known = this.#folders.get(directory);
    if (known !== undefined) return known;
    const watcher = this.#engine === "poll" ? undefined : this.#watch(directory);
    const folder: Folder = { names: new Set(), watcher, inode: stampOf(directory)?.inode };
    this.#poll ??= setInterval(() => this.#lookAtFolders(), POLL_MS).unref();
    this.#folders.set(directory, folder);
    return folder;
  }

  #watch(directory: string): FSWatcher | undefined {
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => this.#onEvent(directory, name));
      watcher.on("error", () => this.#pollInstead(this.#folders.get(directory)));
      return watcher;
    } catch (error) {
      this.#onTrouble(`cannot watch ${directory}, looking at its files once a second instead: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** The folder that was watched is gone, with a checkout of another branch perhaps: one of its name that comes is another. */
  #pollInstead(folder: Folder | undefined): void {
    folder?.watcher?.close();
    if (folder !== undefined) folder.watcher = undefined;
  }

  /** @param name  Null where the system does not say which. */
  #onEvent(directory: string, name: string | null): void {
    const names = this.#folders.get(directory)?.names ?? [];
    for (const each of name === null ? names : [name]) this.#look(join(directory, each));
  }

  #lookAtFolders(): void {
    for (const [directory, folder] of this.#folders) {
      if (folder.watcher !== undefined && stampOf(directory)?.inode !== folder.inode) this.#pollInstead(folder);
      if (folder.watcher === undefined) for (const name of folder.names) this.#look(join(directory, name));
    }
  }

  #look(path: string): void {
    if (!this.#stamps.has(path)) return;
    const stamp = stampOf(path);
    if (stamp === undefined || isSame(stamp, this.#stamps.get(path))) return;
    this.#stamps.set(path, stamp);
    const sinceMs = this.#changed?.sinceMs ?? performance.now();
    this.#changed ??= { path, sinceMs };
    if (performance.now() - sinceMs >= QUIET_WAIT_MS) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      const changed = this.#changed;
      this.#changed = undefined;
      if (changed !== undefined) this.#onChange(changed.path);
    }, QUIET_MS);
  }
}

function stampOf(path: string): Stamp | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch {
    // In a folder that may not be entered any more, for example.
  }
  return stats && { modifiedMs: stats.mtimeMs, bytes: stats.size, inode: stats.ino };
}

function isSame(one: Stamp, other: Stamp | undefined): boolean {
  return one.modifiedMs === other?.modifiedMs && one.bytes === other.bytes && one.inode === other.inode;
}
