/** Finds the servers of this user that run here. */

import { readdirSync, readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { abstractNames, GUNICORN_SOCKET_NAME, isNameOf, type PathSurroundings, placesToLook, SOCKET_NAME } from "../control/socket-path.ts";
import { ControlClient } from "./control-client.ts";

export function clientSurroundings(): PathSurroundings {
  return { env: process.env, uid: process.geteuid?.() ?? 0, home: homedir(), temporaryDirectory: tmpdir() };
}

/**
 * @returns the sockets behind which somebody listens, the likeliest first: those of Tunicorn by their places, one with a pid in its
 *          name behind the one without, then Gunicorn's.
 */
export async function findSockets(surroundings: PathSurroundings): Promise<string[]> {
  const places = placesToLook(surroundings);
  const ours = places.flatMap((directory) => socketsIn(directory, SOCKET_NAME));
  const theirs = places.flatMap((directory) => socketsIn(directory, GUNICORN_SOCKET_NAME));
  const living: string[] = [];
  for (const path of [...ours, ...abstract(surroundings.uid), ...theirs]) {
    const client = await ControlClient.connect(path).catch(() => undefined);
    if (client !== undefined) living.push(path);
    client?.close();
  }
  return living;
}

/** Where a server would be that has been started with nothing said. */
export function usualSocket(surroundings: PathSurroundings): string {
  return join(placesToLook(surroundings)[0] ?? "/", SOCKET_NAME);
}

function socketsIn(directory: string, name: string): string[] {
  try {
    const files = readdirSync(directory).filter((file) => isNameOf(name, file));
    return files.sort((one, other) => one.length - other.length || (one < other ? -1 : 1)).map((file) => join(directory, file));
  } catch {
    return [];
  }
}

function abstract(uid: number): string[] {
  try {
    return abstractNames(readFileSync("/proc/net/unix", "latin1"), uid);
  } catch {
    return [];
  }
}
