/**
 * A disk that is really full: a small tmpfs, mounted where only the server under test sees it.
 *
 * Root may mount in a mount namespace of its own (`unshare -m`), anybody else in a user namespace too (`unshare -rm`).
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readlinkSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Scope, type Server, temporaryFolder } from "./harness.ts";

const WAYS = ["-m", "-rm"];
/** tmpfs gives room in pages. */
const PAGE_BYTES = 4096;
const BALLAST = "ballast";

/** The flags of unshare(1) with which one may mount here. */
function wayToMount(): string {
  const refusals: string[] = [];
  for (const way of WAYS) {
    const { status, stderr, error } = spawnSync("unshare", [way, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { encoding: "utf8" });
    if (status === 0) return way;
    refusals.push(`unshare ${way}: ${error?.message ?? stderr.trim()}`);
  }
  return assert.fail(`this test needs a mount namespace: run it as root, or allow user namespaces (${refusals.join("; ")})`);
}

export class SmallDisk {
  /** Where the server sees it. */
  readonly path: string;
  /** For `StartOptions`: the server's command line is run where the disk is mounted. */
  readonly through: readonly string[];
  #server: Server | undefined;

  constructor(scope: Scope, sizeBytes: number) {
    this.path = temporaryFolder(scope);
    const script = `mount -t tmpfs -o size=${sizeBytes},mode=0777 tmpfs "$0" && exec "$@"`;
    this.through = ["unshare", wayToMount(), "sh", "-c", script, this.path];
  }

  /** From now on the disk is looked at with this server's eyes. */
  watch(server: Server): void {
    this.#server = server;
  }

  /** A path on the disk, as this process reaches it. */
  seen(name = ""): string {
    return join(`/proc/${this.#server?.pid}/root${this.path}`, name);
  }

  /** Writes until not a byte more can be written. */
  fill(): void {
    const fd = openSync(this.seen(BALLAST), "a");
    const page = Buffer.alloc(PAGE_BYTES);
    try {
      for (;;) writeSync(fd, page);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    } finally {
      closeSync(fd);
    }
  }

  /** Makes room again. */
  empty(): void {
    rmSync(this.seen(BALLAST));
  }

  /** Bytes that are in use; of files without a name too. */
  get usedBytes(): number {
    const { blocks, bfree, bsize } = statfsSync(this.seen());
    return (blocks - bfree) * bsize;
  }

  /** Spool files that the gateway holds open. */
  spoolFiles(): number {
    const folder = `/proc/${this.#server?.gateway()}/fd`;
    return readdirSync(folder).filter((fd) => /tunicorn-spool/.test(linkOf(join(folder, fd)))).length;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // Closed meanwhile.
  }
}
