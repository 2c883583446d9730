/** Where control sockets are: what the master tries in turn, and where a client looks. */

import { joinPath } from "../settings/posix-path.ts";

/** The name in a directory of Gunicorn's choice. Its own, so that neither takes the other's. */
export const SOCKET_NAME = "tunicorn.ctl";
/** What a client finds there, if there is none of ours. */
export const GUNICORN_SOCKET_NAME = "gunicorn.ctl";

export interface PathSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly home: string;
  readonly temporaryDirectory: string;
}

export interface Place {
  readonly directory: string;
  /** Everybody may write above it: it is made for this user alone, and used only when it is his. */
  readonly made: boolean;
}

/**
 * The name of an instance whose first choice belongs to another one that lives.
 *
 * @param path  `"/run/app/tunicorn.ctl"`
 * @returns     `"/run/app/tunicorn.4711.ctl"`
 */
export function nameWithPid(path: string, pid: number): string {
  const { stem, extension } = cutExtension(path);
  return `${stem}.${pid}${extension}`;
}

/** @returns whether a file's name is `name`, or that with a pid in it. */
export function isNameOf(name: string, file: string): boolean {
  if (file === name) return true;
  const { stem, extension } = cutExtension(name);
  return (
    file.startsWith(`${stem}.`) && file.endsWith(extension) && /^\d+$/.test(file.slice(stem.length + 1, file.length - extension.length))
  );
}

function cutExtension(path: string): { stem: string; extension: string } {
  const dot = path.lastIndexOf(".");
  return dot > path.lastIndexOf("/") + 1 ? { stem: path.slice(0, dot), extension: path.slice(dot) } : { stem: path, extension: "" };
}

/** In Linux's abstract namespace, where no file system has to be writable. @returns `"@tunicorn.1000.4711"` */
export function abstractName(uid: number, pid: number): string {
  return `@tunicorn.${uid}.${pid}`;
}

/** @returns the abstract names of a user's masters in the text of /proc/net/unix. */
export function abstractNames(procNetUnix: string, uid: number): string[] {
  const found = procNetUnix.matchAll(/ (@tunicorn\.(\d+)\.\d+)@*$/gm);
  return [...new Set([...found].flatMap(([, name = "", owner]) => (Number(owner) === uid ? [name] : [])))];
}

/** Where the master goes when the place that the settings say cannot be used. */
export function fallbackPlaces({ env, uid, temporaryDirectory }: PathSurroundings): Place[] {
  // systemd's RuntimeDirectory=, the session's directory, the usual name of that, and what a container has even when all else is read-only.
  const given = [env.RUNTIME_DIRECTORY?.split(":")[0], env.XDG_RUNTIME_DIR, `/run/user/${uid}`].filter(Boolean) as string[];
  const places = [
    ...given.map((directory) => ({ directory, made: false })),
    ...[temporaryDirectory, "/dev/shm"].map((above) => ({ directory: joinPath(above, `tunicorn-${uid}`), made: true })),
  ];
  return places.filter(({ directory }, index) => places.findIndex((each) => each.directory === directory) === index);
}

/** Where a client looks, the likeliest first. */
export function placesToLook(surroundings: PathSurroundings): string[] {
  const { env, home } = surroundings;
  const inHome = joinPath(env.HOME || home, ".gunicorn");
  const first = env.XDG_RUNTIME_DIR ? [env.XDG_RUNTIME_DIR] : [];
  return [...new Set([...first, inHome, ...fallbackPlaces(surroundings).map(({ directory }) => directory)])];
}
