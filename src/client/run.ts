/** tunicornc, from its command line to its exit code. */

import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { ControlClient, ControlClientError } from "./control-client.ts";
import { clientSurroundings, findSockets, usualSocket } from "./find-socket.ts";
import { runInteractive } from "./interactive.ts";
import { parseOptions } from "./options.ts";
import { say } from "./say.ts";
import { runTopProgram } from "./top-program.ts";

const FAILED = 1;

/** @param version  `"tunicorn 0.1.0 (gunicorn 27.0.1 compatible)"`. @returns the exit code. */
export async function runClient(words: readonly string[], version: string): Promise<number> {
  if (words[0] === "top") return await runTopProgram(words.slice(1), findPath);
  const options = parseOptions(words, version);
  if ("status" in options) {
    process.stdout.write(options.stdout);
    process.stderr.write(options.stderr);
    return options.status;
  }
  try {
    const path = await findPath(options.socket);
    const client = await ControlClient.connect(path);
    if (options.command === undefined) {
      const terminal = { input: process.stdin, output: process.stdout };
      return await runInteractive(client, path, options.json, terminal, join(process.env.HOME || homedir(), ".tunicornc_history"));
    }
    try {
      const { text, failed } = await say(client, options.command, options.json);
      process.stdout.write(`${text}\n`);
      return failed ? FAILED : 0;
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof ControlClientError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    return FAILED;
  }
}

/** @param given  Relative ones are in the current directory; undefined: it is looked for. */
async function findPath(given: string | undefined): Promise<string> {
  if (given === undefined) return await chooseSocket();
  return given.startsWith("@") ? given : resolve(given);
}

async function chooseSocket(): Promise<string> {
  const surroundings = clientSurroundings();
  const [first = usualSocket(surroundings), ...others] = await findSockets(surroundings);
  if (others.length > 0) process.stderr.write(`Several servers run: this is ${first}, -s names another: ${others.join(", ")}\n`);
  return first;
}
