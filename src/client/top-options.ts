/** The command line of `tunicorn top`. */

import { parseArguments, UsageError } from "../settings/index.ts";
import type { ClientExit } from "./options.ts";

export interface TopOptions {
  /** Undefined: it is looked for. */
  readonly socket: string | undefined;
  /** One page, without a terminal's sequences. */
  readonly once: boolean;
  readonly intervalMs: number;
}

const USAGE = "usage: tunicorn top [-h] [-s SOCKET] [--once] [--interval SECONDS]";
const HELP = `${USAGE}

Shows a running server in the terminal: its workers, the requests in them, the queue

options:
  -h, --help            show this help message and exit
  -s, --socket SOCKET   Control socket path, @NAME for an abstract one (default: the
                        server of this user that runs here)
  --once                Print one page and exit, as without a terminal
  --interval SECONDS    Time between two looks (default: 1)

Keys: up/down choose a worker, s its stacks, r recycle it, R reload, e ended workers, ? help, q quit.
NO_COLOR in the environment: no colours. "tunicornc top" is the same.
`;

const OPTIONS = [
  { flags: ["-h", "--help"], takes: "nothing", sets: "help" },
  { flags: ["-s", "--socket"], takes: "one", sets: "socket" },
  { flags: ["--once"], takes: "nothing", sets: "once" },
  { flags: ["--interval"], takes: "one", sets: "interval" },
] as const;

/** The server measures its memory for each look. */
const INTERVAL_S_MIN = 0.1;
const INTERVAL_S_MAX = 3600;
const BAD_USAGE = 2;

/** @param words  Behind `top`. */
export function parseTopOptions(words: readonly string[]): TopOptions | ClientExit {
  const given = new Map<string, string>();
  try {
    const positionals = parseArguments(OPTIONS, words, ({ sets }, value) => given.set(sets, value ?? ""));
    if (positionals.length > 0) throw new UsageError(`unrecognized arguments: ${positionals.join(" ")}`);
    if (given.has("help")) return { stdout: HELP, stderr: "", status: 0 };
    return { socket: given.get("socket"), once: given.has("once"), intervalMs: 1000 * intervalOf(given.get("interval") ?? "1") };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { stdout: "", stderr: `${USAGE}\ntunicorn top: error: ${error.message}\n`, status: BAD_USAGE };
  }
}

function intervalOf(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= INTERVAL_S_MIN && seconds <= INTERVAL_S_MAX) return seconds;
  throw new UsageError(`argument --interval: ${INTERVAL_S_MIN} to ${INTERVAL_S_MAX} seconds, not ${JSON.stringify(text)}`);
}
