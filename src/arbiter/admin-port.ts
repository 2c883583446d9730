/** The admin port: where probes and scrapers ask, apart from the application's addresses (`admin_bind`). */

import { closeSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { addressUrl, parseBindAddress } from "../base/address.ts";
import type { InheritedAdmin } from "../lifecycle/inheritance.ts";
import type { Settings } from "../settings/index.ts";
import type { ErrorLog } from "../telemetry/error-log.ts";
import { AdminBindError, descriptorOf, listenAt, type SocketOwner } from "./admin-listener.ts";
import type { AdminPage } from "./admin-pages.ts";

/** As the application's addresses: five attempts, a second between them. */
const BIND_ATTEMPTS_MAX = 5;
const BIND_RETRY_MS = 1000;
/** A request that was accepted is answered in a millisecond; one that does not come must not hold up the end. */
const LAST_ANSWERS_MS = 500;
const TEXT = "text/plain; charset=utf-8";

type AdminSettings = Pick<Settings, "admin_bind" | "umask" | "user" | "group">;

/** A socket file that is ours to remove. */
interface MadeFile {
  readonly path: string;
  readonly inode: number;
}

interface Opened {
  readonly server: Server;
  readonly file: MadeFile | undefined;
}

export class AdminPort {
  readonly #log: Pick<ErrorLog, "write">;
  #answer: (name: string) => AdminPage | undefined = answerEarly;
  /** By the text that the settings have for the address. */
  readonly #open = new Map<string, Opened>();
  /** Descriptors from the master before this one. It answers there as long as it lives. */
  readonly #held = new Map<string, number>();
  /** One change after the other. */
  #changes: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(log: Pick<ErrorLog, "write">) {
    this.#log = log;
  }

  /** The addresses that another master could take over, and their descriptors here. */
  get sockets(): InheritedAdmin[] {
    const opened = [...this.#open].map(([address, { server }]) => ({ address, fd: descriptorOf(server) }));
    return opened.flatMap(({ address, fd }) => (fd === undefined ? [] : [{ address, fd }]));
  }

  /**
   * Opens the port of a server that starts.
   *
   * @param inherited  From the master before this one: kept for `promote`. With it nothing here ends the start.
   * @throws {Error} when an address cannot be bound; the log says why.
   */
  async start(settings: AdminSettings, inherited: readonly InheritedAdmin[] | undefined): Promise<void> {
    for (const { address, fd } of inherited ?? []) this.#held.set(address, fd);
    if (inherited !== undefined) {
      await this.change(settings);
      return;
    }
    for (const address of settings.admin_bind) await this.#bindPatiently(address, settings);
  }

  async #bindPatiently(address: string, settings: AdminSettings): Promise<void> {
    for (let attempt = 1; !(await this.#bind(address, settings)); attempt++) {
      if (attempt === BIND_ATTEMPTS_MAX) throw new Error(`cannot listen at the admin address ${address}`);
      this.#log.write("debug", "Retrying in 1 second.");
      await sleep(BIND_RETRY_MS);
    }
  }

  /** A reload. What cannot be bound is logged; everything else counts. */
  change(settings: AdminSettings): Promise<void> {
    this.#changes = this.#changes.then(() => this.#change(settings));
    return this.#changes;
  }

  async #change(settings: AdminSettings): Promise<void> {
    const wanted = new Set(settings.admin_bind);
    for (const address of wanted) {
      if (!this.#open.has(address) && !this.#held.has(address)) await this.#bind(address, settings);
    }
    for (const [address, opened] of this.#open) {
      if (wanted.has(address)) continue;
      this.#open.delete(address);
      removeFile(opened);
      closeSoon(opened.server);
    }
    for (const [address, fd] of this.#held) {
      if (wanted.has(address)) continue;
      this.#held.delete(address);
      closeSync(fd);
    }
  }

  async #bind(text: string, { umask, user, group }: AdminSettings): Promise<boolean> {
    const owner: SocketOwner = { umask, uid: user ?? -1, gid: group ?? -1 };
    const address = parseBindAddress(text);
    const server = await this.#makeServer();
    try {
      await listenAt(server, address, owner);
    } catch (error) {
      if (!(error instanceof AdminBindError)) throw error;
      if (error.code === "EADDRINUSE") this.#log.write("error", `Connection in use: ${error.shown}`);
      this.#log.write("error", `admin port cannot listen at ${error.shown}: ${error.message}`);
      return false;
    }
    this.#opened(text, server);
    return true;
  }

  async #makeServer(): Promise<Server> {
    // Most servers have no such port: they are spared Node's HTTP.
    const { createAdminServer } = await import("./admin-http.ts");
    return createAdminServer((name) => this.#answer(name));
  }

  #opened(text: string, server: Server): void {
    const bound = server.address() as AddressInfo | string | null;
    const address = parseBindAddress(text);
    const file = address.kind === "unix" ? madeFile(address.path) : undefined;
    this.#open.set(text, { server, file });
    const shown = bound === null || typeof bound === "string" || address.kind === "fd" ? address : { ...address, port: bound.port };
    this.#log.write("info", `admin port listening at ${addressUrl(shown)}`);
    server.on("error", (error) => this.#log.write("error", `admin port failed at ${addressUrl(shown)}: ${error.message}`));
    if (this.#ended) removeFile({ file });
  }

  /** From now on these are the answers. */
  serve(answer: (name: string) => AdminPage | undefined): void {
    this.#answer = answer;
  }

  /** The master before this one has ended: its clients wait in the kernel's queue. */
  promote(): void {
    this.#changes = this.#changes.then(async () => {
      for (const [address, fd] of this.#held) {
        this.#held.delete(address);
        const server = await this.#makeServer();
        server.once("error", (error) => this.#log.write("error", `admin port cannot go on at ${address}: ${error.message}`));
        server.listen({ fd }, () => this.#opened(address, server));
      }
    });
  }

  /**
   * The process is about to exit.
   *
   * @param handsOver  Another master has the sockets: whoever this one has accepted gets his answer, the others are the other's.
   * @param done       Called when it may exit.
   */
  end(handsOver: boolean, done: () => void): void {
    this.#ended = true;
    const opened = [...this.#open.values()];
    if (!handsOver) for (const each of opened) removeFile(each);
    if (!handsOver || opened.length === 0) {
      done();
      return;
    }
    const all = Promise.all(opened.map(({ server }) => closeSoon(server)));
    void Promise.race([all, sleep(LAST_ANSWERS_MS)]).then(done);
  }
}

/** No new clients; those that are here get their answers. */
async function closeSoon(server: Server): Promise<void> {
  const closed = new Promise((fulfil) => server.close(fulfil));
  server.closeIdleConnections();
  await closed;
}

function removeFile({ file }: Pick<Opened, "file">): void {
  if (file !== undefined && inodeOf(file.path) === file.inode) rmSync(file.path, { force: true });
}

/** Before the server is so far that it can say anything of itself. */
function answerEarly(name: string): AdminPage | undefined {
  return name === "livez" ? { status: 200, type: TEXT, body: "ok\n" } : { status: 503, type: TEXT, body: "not ready\nstarting\n" };
}

function madeFile(path: string): MadeFile | undefined {
  const inode = path.startsWith("\0") ? undefined : inodeOf(path);
  return inode === undefined ? undefined : { path, inode };
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
