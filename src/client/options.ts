/** The command line of tunicornc: gunicornc's. */

import { parseArguments, UsageError } from "../settings/index.ts";

export interface ClientOptions {
  /** Undefined: it is looked for. */
  readonly socket: string | undefined;
  /** Undefined: interactive. */
  readonly command: string | undefined;
  readonly json: boolean;
}

/** What to print, and how to end. */
export interface ClientExit {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

const USAGE = "usage: tunicornc [-h] [-s SOCKET] [-c COMMAND] [-j] [-v]";
const HELP = `${USAGE}

Tunicorn control interface

options:
  -h, --help            show this help message and exit
  -s, --socket SOCKET   Control socket path, @NAME for an abstract one (default: the
                        server of this user that runs here)
  -c, --command COMMAND
                        Execute single command and exit
  -j, --json            Output raw JSON (for scripting)
  -v, --version         Show version and exit

Examples:
  tunicornc                      # Interactive mode (the server that runs here)
  tunicornc -s /tmp/myapp.ctl    # Interactive mode with custom socket
  tunicornc -c "show workers"    # Single command mode
  tunicornc -c "reload --wait"   # Reload, and fail with the traceback if it fails
  tunicornc -c "show top" -j     # Output everything as JSON
`;

const OPTIONS = [
  { flags: ["-h", "--help"], takes: "nothing", sets: "help" },
  { flags: ["-s", "--socket"], takes: "one", sets: "socket" },
  { flags: ["-c", "--command"], takes: "one", sets: "command" },
  { flags: ["-j", "--json"], takes: "nothing", sets: "json" },
  { flags: ["-v", "--version"], takes: "nothing", sets: "version" },
] as const;

/** @param version  `"tunicorn 0.1.0 (gunicorn 27.0.1 compatible)"` */
export function parseOptions(words: readonly string[], version: string): ClientOptions | ClientExit {
  const given = new Map<string, string>();
  try {
    const positionals = parseArguments(OPTIONS, words, ({ sets }, value) => {
      if (sets === "help") throw new HelpWanted();
      given.set(sets, value ?? "");
    });
    if (positionals.length > 0) throw new UsageError(`unrecognized arguments: ${positionals.join(" ")}`);
  } catch (error) {
    if (error instanceof HelpWanted) return { stdout: HELP, stderr: "", status: 0 };
    if (!(error instanceof UsageError)) throw error;
    return { stdout: "", stderr: `${USAGE}\ntunicornc: error: ${error.message}\n`, status: 2 };
  }
  if (given.has("version")) return { stdout: `tunicornc (${version})\n`, stderr: "", status: 0 };
  // An empty command is none, as with Gunicorn.
  return { socket: given.get("socket"), command: given.get("command") || undefined, json: given.has("json") };
}

class HelpWanted extends Error {
  override readonly name = "HelpWanted";
}
