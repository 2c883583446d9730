/** `tunicorn top`, `tunicornc top`: from the command line to the exit code. */

import { ControlClientError } from "./control-client.ts";
import { pageOf, runTop } from "./top.ts";
import { parseTopOptions } from "./top-options.ts";

const FAILED = 1;

/** @param words  Behind `top`. @param findPath  The path of a control socket, or the one that is found. */
export async function runTopProgram(words: readonly string[], findPath: (given: string | undefined) => Promise<string>): Promise<number> {
  const options = parseTopOptions(words);
  if ("status" in options) {
    process.stdout.write(options.stdout);
    process.stderr.write(options.stderr);
    return options.status;
  }
  try {
    const path = await findPath(options.socket);
    const { stdin, stdout, env } = process;
    if (!options.once && stdin.isTTY && stdout.isTTY && env.TERM !== "dumb")
      return await runTop(path, options.intervalMs, stdin, stdout, (env.NO_COLOR ?? "") === "");
    stdout.write(await pageOf(path));
    return 0;
  } catch (error) {
    if (!(error instanceof ControlClientError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    return FAILED;
  }
}
