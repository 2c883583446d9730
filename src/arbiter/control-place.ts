/** Opens the control socket where the settings say, or where it can be: a container may have nothing that is writable. */

import { lstatSync, mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join, resolve } from "node:path";
import { abstractName, fallbackPlaces, type PathSurroundings, type Place, SOCKET_NAME } from "../control/socket-path.ts";
import { ControlSocket } from "./control-socket.ts";

const PRIVATE_DIRECTORY = 0o700;
const OTHERS = 0o077;

export interface Opened {
  readonly socket: ControlSocket;
  /** Why it is not where the settings say: `"cannot make /x/tunicorn.ctl: read-only file system"`. */
  readonly instead: string | undefined;
}

/**
 * @param path       As the settings have it; a relative one is in the current directory, as with Gunicorn.
 * @param onStranger Gets connections of the abstract socket, to which everybody may connect.
 * @throws {Error} that says why there is none at all.
 */
export async function openControlSocket(
  path: string,
  mode: number,
  surroundings: PathSurroundings,
  onConnection: (socket: Socket) => void,
  onStranger: (socket: Socket) => void,
): Promise<Opened> {
  const wanted = resolve(path);
  const [first, ...rest] = attempts(wanted, mode, surroundings, onConnection, onStranger);
  const opened = await attempt(first!);
  if (opened instanceof ControlSocket) return { socket: opened, instead: undefined };
  const instead = `cannot make ${wanted}: ${reasonOf(opened)}`;
  for (const each of rest) {
    const other = await attempt(each);
    if (other instanceof ControlSocket) return { socket: other, instead };
  }
  throw new Error(instead);
}

type Attempt = () => Promise<ControlSocket>;

function attempts(
  wanted: string,
  mode: number,
  surroundings: PathSurroundings,
  onConnection: (socket: Socket) => void,
  onStranger: (socket: Socket) => void,
): Attempt[] {
  return [
    () => ControlSocket.open(wanted, mode, onConnection),
    ...fallbackPlaces(surroundings).map((place) => async () => {
      prepare(place, surroundings.uid);
      return await ControlSocket.open(join(place.directory, SOCKET_NAME), mode, onConnection, !place.made);
    }),
    () => ControlSocket.openAbstract(abstractName(surroundings.uid, process.pid), onStranger),
  ];
}

async function attempt(open: Attempt): Promise<ControlSocket | Error> {
  try {
    return await open();
  } catch (error) {
    return error as Error;
  }
}

/** @throws {Error} when the directory is not there, or is anybody else's. */
function prepare({ directory, made }: Place, uid: number): void {
  if (made) {
    try {
      mkdirSync(directory, { mode: PRIVATE_DIRECTORY });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  const found = lstatSync(directory);
  if (!made) return;
  if (!found.isDirectory() || found.uid !== uid || (found.mode & OTHERS) !== 0) throw new Error(`${directory} is not this user's own`);
}

/** Node's text without its code and what it has done: `"read-only file system"`. */
function reasonOf({ message }: Error): string {
  return message.replace(/^[A-Z]+: /, "").replace(/, [a-z]+ '.*$/, "");
}
