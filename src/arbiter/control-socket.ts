/**
 * The control socket in the file system. It is bound under a name that nobody looks for, with its mode, and linked to its own when it
 * listens: so whoever finds it refusing knows that its server is dead, two servers never take each other's, and a server whose
 * predecessor ends gets that one's name without a moment in which nobody answers.
 */

import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { isNameOf, nameWithPid } from "../control/socket-path.ts";

/** Whoever removes a dead server's socket may meet another who does the same: then it looks again. */
const PUBLISH_TRIES = 5;
/** Sockets of dead servers that are cleared away at one start: a directory full of them should not make it slow. */
const CLEARED_MAX = 64;
/** Nobody may connect before the mode is right. */
const NOBODY = 0o777;
const PRIVATE_DIRECTORY = 0o700;

export class ControlSocket {
  /** As a client names it; `@...` for one that is in no file system. */
  path: string;
  /** The path that it would have if that were free. */
  readonly wanted: string;
  readonly #server: Server;
  readonly #inode: number | undefined;
  readonly #keepsDirectory: boolean;

  private constructor(server: Server, wanted: string, path: string, inode: number | undefined, keepsDirectory: boolean) {
    this.#server = server;
    this.wanted = wanted;
    this.path = path;
    this.#inode = inode;
    this.#keepsDirectory = keepsDirectory;
  }

  /**
   * @param keepsDirectory  false: it is for sockets only, and goes with the last of them.
   * @throws {Error} of the system when it cannot be made there, or when something else stands there.
   */
  static async open(wanted: string, mode: number, onConnection: (socket: Socket) => void, keepsDirectory = true): Promise<ControlSocket> {
    const directory = dirname(wanted);
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
    const hidden = join(directory, `.t${process.pid.toString(36)}`);
    rmSync(hidden, { force: true });
    const server = await listen(hidden, onConnection);
    try {
      chmodSync(hidden, mode);
      const { ino } = lstatSync(hidden);
      const path = (await publish(hidden, wanted)) ? wanted : nameWithPid(wanted, process.pid);
      if (path !== wanted && !(await publish(hidden, path))) throw new Error(`${wanted} and ${path} belong to other servers`);
      await clearDead(wanted);
      return new ControlSocket(server, wanted, path, ino, keepsDirectory);
    } catch (error) {
      server.close();
      throw error;
    } finally {
      rmSync(hidden, { force: true });
    }
  }

  /** @param name  `"@tunicorn.1000.4711"`. It has no permissions: the caller looks who comes. @throws {Error} where there is no such thing. */
  static async openAbstract(name: string, onConnection: (socket: Socket) => void): Promise<ControlSocket> {
    const server = await listen(`\0${name.slice(1)}`, onConnection, false);
    return new ControlSocket(server, name, name, undefined, true);
  }

  /** Somebody has removed its file: nobody finds it any more. */
  get isLost(): boolean {
    return this.#inode !== undefined && inodeOf(this.path) !== this.#inode;
  }

  /** The wanted name has become free. @returns whether it has got it. */
  async takeWantedName(): Promise<boolean> {
    if (this.path === this.wanted || this.isLost) return false;
    const before = this.path;
    if (!(await publish(before, this.wanted))) return false;
    this.path = this.wanted;
    rmSync(before, { force: true });
    return true;
  }

  /** Connections that are there stay. */
  close(): void {
    this.#server.close();
    // Another server may have made its own there since.
    if (this.#inode !== undefined && !this.isLost) rmSync(this.path, { force: true });
    if (!this.#keepsDirectory) removeIfEmpty(dirname(this.path));
  }
}

async function listen(path: string, onConnection: (socket: Socket) => void, isFile = true): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection);
  await new Promise<void>((fulfil, reject) => {
    server.once("error", reject);
    // Bound before it returns.
    const before = isFile ? process.umask(NOBODY) : undefined;
    try {
      server.listen({ path }, () => fulfil());
    } finally {
      if (before !== undefined) process.umask(before);
    }
  });
  server.removeAllListeners("error");
  // It listens: what may still go wrong with one connection is that one's affair.
  server.on("error", () => {});
  return server;
}

/** Gives a socket that listens another name. @returns false when a server that lives has it. @throws {Error} */
async function publish(from: string, path: string): Promise<boolean> {
  for (let tries = 0; tries < PUBLISH_TRIES; tries += 1) {
    try {
      linkSync(from, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (!found.isSocket()) throw new Error(`${path} is there and is no socket`);
    if (await isAlive(path)) return false;
    takeAway(path, found);
  }
  return false;
}

/** A server's socket refuses nobody while it lives: a queue that is full is another error. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((fulfil) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      fulfil(true);
    });
    socket.once("error", ({ code }: NodeJS.ErrnoException) => fulfil(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}

/** Removes a dead server's socket. Should another server have put its own there meanwhile, that one is put back. */
function takeAway(path: string, found: Stats): void {
  const aside = join(dirname(path), `.x${process.pid.toString(36)}`);
  try {
    renameSync(path, aside);
    if (inodeOf(aside) !== found.ino) linkSync(aside, path);
    unlinkSync(aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Another server's socket is there.
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** What servers that were killed have left beside the wanted name. */
async function clearDead(wanted: string): Promise<void> {
  const directory = dirname(wanted);
  const name = basename(wanted);
  const others = readdirSync(directory).filter((file) => file !== name && isNameOf(name, file));
  for (const file of others.slice(0, CLEARED_MAX)) {
    const path = join(directory, file);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined || !found.isSocket() || found.uid !== process.geteuid?.()) continue;
    if (!(await isAlive(path))) takeAway(path, found);
  }
}
