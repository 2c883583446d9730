/** One listening socket of the admin port: made here, or taken over from the master before. */

import { chownSync, renameSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { addressInMessages, type BindAddress } from "../base/address.ts";

/** Who may use a unix socket: as the application's. */
export interface SocketOwner {
  readonly umask: number;
  readonly uid: number;
  readonly gid: number;
}

/** A failed attempt, with what Gunicorn's log says of one. */
export class AdminBindError extends Error {
  override readonly name = "AdminBindError";
  /** The address as Gunicorn's messages have it. */
  readonly shown: string;
  readonly code: string;

  constructor(address: BindAddress, error: NodeJS.ErrnoException) {
    super(error.message, { cause: error });
    this.shown = addressInMessages(address);
    this.code = error.code ?? "";
  }
}

/** What a raw handle of Node has. */
interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * Makes `server` listen.
 *
 * @throws {AdminBindError}
 */
export async function listenAt(server: Server, address: BindAddress, owner: SocketOwner): Promise<void> {
  try {
    if (address.kind === "unix") await listenAtPath(server, address.path, owner);
    else if (address.kind !== "fd")
      // Node would open 0.0.0.0 together with `::`.
      await listening(server, {
        host: address.host === "" ? "0.0.0.0" : address.host,
        port: address.port,
        ipv6Only: address.kind === "tcp6",
      });
  } catch (error) {
    throw new AdminBindError(address, error as NodeJS.ErrnoException);
  }
}

async function listenAtPath(server: Server, path: string, owner: SocketOwner): Promise<void> {
  const abstract = path.startsWith("\0");
  if (!abstract) await checkPath(path);
  // Node removes the file that it has made when it closes the socket, which a successor may have as well: so it is made under another name.
  const made = abstract ? path : join(dirname(path), `.${process.pid}`);
  const umask = process.umask(owner.umask);
  let bound: Promise<void>;
  try {
    // The file is there before `listen` returns.
    bound = listening(server, { path: made });
  } finally {
    process.umask(umask);
  }
  await bound;
  if (abstract) return;
  // Others than root have nothing to give away.
  if (process.geteuid?.() === 0) chownSync(made, owner.uid, owner.gid);
  renameSync(made, path);
}

/** A file that a server has left behind is replaced. One that somebody listens on is that one's. */
async function checkPath(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw Object.assign(new Error(`'${path}' is not a socket`), { code: "ENOTSOCK" });
  if (await isAnswered(path)) throw Object.assign(new Error("another server listens there"), { code: "EADDRINUSE" });
}

async function isAnswered(path: string): Promise<boolean> {
  return await new Promise((fulfil) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      fulfil(true);
    });
    socket.once("error", () => fulfil(false));
  });
}

function listening(server: Server, options: object): Promise<void> {
  return new Promise((fulfil, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      fulfil();
    });
  });
}

/** Its descriptor in this process, for a successor. */
export function descriptorOf(server: Server): number | undefined {
  return (server as unknown as WithHandle)._handle?.fd;
}
