/** The machine, as the settings ask for it. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isatty } from "node:tty";
import type { Surroundings } from "../settings/index.ts";

const STDOUT = 1;

export function readSurroundings(): Surroundings {
  return {
    env: process.env,
    cwd: process.cwd(),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    platform: process.platform,
    // Not at once: it reads /etc/passwd when HOME is not set.
    get home() {
      return homedir();
    },
    get terminalColumns() {
      // process.stdout would set up a stream that nobody uses.
      return isatty(STDOUT) ? process.stdout.columns : undefined;
    },
    exists: existsSync,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    isSameFile,
    readText: (path) => readFileSync(path, "utf8"),
    findUser: (name) => askId("id", ["-u", "--", name]),
    findGroup,
  };
}

function isSameFile(path: string, other: string): boolean {
  try {
    const [one, two] = [statSync(path), statSync(other)];
    return one.ino === two.ino && one.dev === two.dev;
  } catch {
    return false;
  }
}

/** Groups have no `id`; `getent` knows all sources, the file those systems that lack it (macOS). */
function findGroup(name: string): number | undefined {
  const line = existsSync("/etc/group")
    ? readFileSync("/etc/group", "utf8")
        .split("\n")
        .find((each) => each.startsWith(`${name}:`))
    : undefined;
  return line === undefined ? askId("getent", ["group", name], 2) : Number(line.split(":")[2]);
}

/** Runs a command that prints an id; through it the system's own way to names (NSS) is used. */
function askId(command: string, words: readonly string[], field = 0): number | undefined {
  const { status, stdout } = spawnSync(command, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const id = Number.parseInt(stdout?.split(":")[field] ?? "", 10);
  return status === 0 && Number.isSafeInteger(id) ? id : undefined;
}
