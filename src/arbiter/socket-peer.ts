/** Who is at the other end of a unix socket. Node cannot ask the system; Python can. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import type { NurseryProgram } from "./nursery-process.ts";

/** An interpreter, the Python half, and where both names are to be understood. */
export type PythonHalf = Pick<NurseryProgram, "python" | "program" | "directory">;

/** Longer than a Python takes to start on a machine that is busy; whoever connects waits for it. */
const ANSWER_MS = 10_000;

/** @param socket  Not read from yet. @returns the user's id; undefined when it cannot be found out. */
export function peerUser({ python, program, directory }: PythonHalf, socket: Socket): Promise<number | undefined> {
  return new Promise((fulfil) => {
    const child = spawn(python, ["-IS", program, "peer"], {
      stdio: [socket, "pipe", "ignore"],
      cwd: existsSync(directory) ? directory : undefined,
      timeout: ANSWER_MS,
      killSignal: "SIGKILL",
    });
    let text = "";
    child.once("error", () => fulfil(undefined));
    // Where no descriptor is free there is no pipe either.
    child.stdout?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
    child.once("close", () => fulfil(/^\d+\n$/.test(text) ? Number(text) : undefined));
  });
}
