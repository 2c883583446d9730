/** What the environment says about listening sockets that this process was started with: by a service manager, or by the master before it. */

/** Descriptors that a service manager passes begin here (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;
/** More sockets than any server has; a number beyond it is a mistake, and would have us look at as many descriptors. */
const DESCRIPTORS_MAX = 1024;

export interface Origin {
  /** The listening sockets that came with the start, in their order; undefined: none did, and the configured addresses are bound. */
  readonly sockets: InheritedDescriptors | undefined;
  /** Pid of the master that started this one to take its place (USR2). */
  readonly predecessor: number | undefined;
  /** The admin port of the master before this one; empty when it had none, undefined without such a master. */
  readonly admin: readonly InheritedAdmin[] | undefined;
  /** Variables that are read now and meant for nobody else. */
  readonly spent: readonly string[];
}

export interface InheritedDescriptors {
  readonly descriptors: readonly number[];
  /** LISTEN_FDNAMES, one for each descriptor; empty when there are none. */
  readonly names: readonly string[];
  /** Sockets of a service manager stay its own: their files are not ours to remove. */
  readonly from: "service-manager" | "predecessor";
}

/** A listening socket of the admin port. */
export interface InheritedAdmin {
  /** As `admin_bind` has it. */
  readonly address: string;
  readonly fd: number;
}

/** `[["127.0.0.1:9100", 5]]`; the new master reads it, nobody else. */
const ADMIN_VARIABLE = "TUNICORN_ADMIN";

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads Gunicorn's variables of an upgrade and systemd's of socket activation.
 *
 * @param pid  This process's: LISTEN_PID that names another one is that one's business.
 * @throws {Error} when a variable is there and cannot be understood.
 * @see sd_listen_fds(3); Gunicorn's `Arbiter.start`.
 */
export function readOrigin(env: Variables, pid: number): Origin {
  const activated = env.LISTEN_PID === String(pid);
  const count = activated ? parseCount(env.LISTEN_FDS ?? "0") : 0;
  const predecessor = parsePid(env.GUNICORN_PID);
  const isUpgrade = predecessor !== undefined && (count > 0 || env.GUNICORN_FD !== undefined);
  const spent = [
    "GUNICORN_FD",
    ADMIN_VARIABLE,
    ...(activated ? ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] : []),
    // Left over in the environment of a program that an application has started.
    ...(isUpgrade ? [] : ["GUNICORN_PID"]),
  ];
  const admin = isUpgrade ? parseAdmin(env[ADMIN_VARIABLE]) : undefined;
  return { sockets: socketsOf(env, count, isUpgrade), predecessor: isUpgrade ? predecessor : undefined, admin, spent };
}

function socketsOf(env: Variables, count: number, isUpgrade: boolean): InheritedDescriptors | undefined {
  if (count > 0) {
    const names = env.LISTEN_FDNAMES?.split(":") ?? [];
    const descriptors = Array.from({ length: count }, (_, index) => FIRST_DESCRIPTOR + index);
    return { descriptors, names: names.length === count ? names : [], from: "service-manager" };
  }
  if (!isUpgrade || !env.GUNICORN_FD) return undefined;
  return { descriptors: parseDescriptors(env.GUNICORN_FD), names: [], from: "predecessor" };
}

function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= DESCRIPTORS_MAX)) throw new Error(`LISTEN_FDS is '${text}', not a number of sockets up to ${DESCRIPTORS_MAX}`);
  return count;
}

/** @param text  `"3,4"` */
function parseDescriptors(text: string): number[] {
  const words = text.split(",");
  const good = words.length <= DESCRIPTORS_MAX && words.every((word) => /^\d{1,9}$/.test(word));
  if (!good) throw new Error(`GUNICORN_FD is '${text}', not a list of file descriptors`);
  return words.map(Number);
}

/** What cannot be understood costs the new master its admin port at most. */
function parseAdmin(text = "[]"): InheritedAdmin[] {
  let pairs: unknown;
  try {
    pairs = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(pairs)) return [];
  return pairs.flatMap((pair: unknown) => {
    const [address, fd]: unknown[] = Array.isArray(pair) ? pair : [];
    return typeof address === "string" && Number.isSafeInteger(fd) ? [{ address, fd: fd as number }] : [];
  });
}

function parsePid(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}

/**
 * The variables that tell a new master what it inherits. It finds the sockets at 3, 4, ... in the order of ours.
 *
 * @param env  The environment that this master was started with.
 * @param admin  Addresses of the admin port. Their sockets come behind the others.
 * @param own  What this master was started with: under a service manager the new one must know that the sockets are not its own.
 * @returns    A copy; `OWN_PID` stands for the new process's pid, which is not known before it runs.
 */
export function successorEnvironment(
  env: Variables,
  pid: number,
  sockets: number,
  admin: readonly string[],
  own: InheritedDescriptors | undefined,
): Variables {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES, GUNICORN_FD, [ADMIN_VARIABLE]: _, ...rest } = env;
  const result: Record<string, string | undefined> = { ...rest, GUNICORN_PID: String(pid) };
  if (admin.length > 0) {
    result[ADMIN_VARIABLE] = JSON.stringify(admin.map((address, index) => [address, FIRST_DESCRIPTOR + sockets + index]));
  }
  if (own?.from === "service-manager") {
    Object.assign(result, { LISTEN_PID: OWN_PID, LISTEN_FDS: String(sockets) });
    if (own.names.length === sockets) result.LISTEN_FDNAMES = own.names.join(":");
  } else {
    result.GUNICORN_FD = Array.from({ length: sockets }, (_, index) => FIRST_DESCRIPTOR + index).join(",");
  }
  if (result.WATCHDOG_PID !== undefined) result.WATCHDOG_PID = OWN_PID;
  return result;
}

/** In `successorEnvironment`. */
export const OWN_PID = "own";
