/** tunicornc without a command: a prompt, with history and completion. */

import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { completions } from "../control/completion.ts";
import { listOf } from "../control/format.ts";
import { ControlClient, ControlClientError } from "./control-client.ts";
import { say } from "./say.ts";

const PROMPT = "tunicorn> ";
/** Lines that are kept: what somebody may look for again. */
const HISTORY_MAX = 500;
const PRIVATE = 0o600;
const INTERRUPTED = 130;
const LEAVE: ReadonlySet<string> = new Set(["quit", "exit", "q"]);

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** @param historyFile  Undefined: nothing is kept. @returns the exit code. */
export async function runInteractive(
  client: ControlClient,
  path: string,
  json: boolean,
  terminal: Terminal,
  historyFile: string | undefined,
): Promise<number> {
  const { output } = terminal;
  const print = (text: string): void => void output.write(`${text}\n`);
  print(`Connected to ${path}\nType 'help' for available commands, 'quit' to exit.\n`);
  const session = new Session(client, path, json, print);
  const lines = createInterface({
    input: terminal.input,
    output,
    terminal: terminal.input.isTTY === true,
    prompt: PROMPT,
    historySize: HISTORY_MAX,
    history: readHistory(historyFile),
    removeHistoryDuplicates: true,
    completer: (line: string) => [completions(line, session.pids), line],
  });
  let history: string[] = [];
  let interrupted = false;
  lines.on("history", (now: string[]) => {
    history = now;
  });
  lines.on("SIGINT", () => {
    interrupted = true;
    lines.close();
  });
  // Written by hand where readline does not: a pipe gets its prompts too, as from Gunicorn's client.
  const prompt = (): void => lines.prompt();
  prompt();
  for await (const line of lines) {
    if (LEAVE.has(line.trim().toLowerCase())) break;
    if (line.trim() !== "" && !(await session.run(line.trim()))) {
      session.code = 1;
      break;
    }
    if (interrupted) break;
    prompt();
  }
  lines.close();
  session.close();
  if (history.length > 0) writeHistory(historyFile, history);
  if (!interrupted) return session.code;
  print("");
  return INTERRUPTED;
}

class Session {
  code = 0;
  /** Of the workers, for completion. */
  pids: number[] = [];
  #client: ControlClient;
  readonly #path: string;
  readonly #json: boolean;
  readonly #print: (text: string) => void;

  constructor(client: ControlClient, path: string, json: boolean, print: (text: string) => void) {
    this.#client = client;
    this.#path = path;
    this.#json = json;
    this.#print = print;
  }

  /** @returns false when the server is gone. */
  async run(line: string): Promise<boolean> {
    try {
      const { text } = await say(this.#client, line, this.#json);
      this.#print(`${text}\n`);
      await this.#learnPids();
      return true;
    } catch (error) {
      if (!(error instanceof ControlClientError)) throw error;
      this.#print(`Error: ${error.message}`);
    }
    if (this.#client.isClosed && !(await this.#connectAgain())) return false;
    this.#print("");
    return true;
  }

  close(): void {
    this.#client.close();
  }

  async #connectAgain(): Promise<boolean> {
    try {
      this.#client = await ControlClient.connect(this.#path);
      return true;
    } catch (error) {
      if (!(error instanceof ControlClientError)) throw error;
      this.#print("Connection lost. Exiting.");
      return false;
    }
  }

  async #learnPids(): Promise<void> {
    try {
      this.pids = listOf((await this.#client.ask("show workers")).workers).map(({ pid }) => Number(pid));
    } catch (error) {
      if (!(error instanceof ControlClientError)) throw error;
    }
  }
}

/** The newest first, as readline wants it. */
function readHistory(file: string | undefined): string[] {
  if (file === undefined) return [];
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean).slice(-HISTORY_MAX).reverse();
  } catch {
    return [];
  }
}

/** A home that cannot be written to is no reason to complain. */
function writeHistory(file: string | undefined, history: readonly string[]): void {
  if (file === undefined) return;
  try {
    writeFileSync(file, [...history].reverse().join("\n").concat("\n"), { mode: PRIVATE });
    chmodSync(file, PRIVATE);
  } catch {
    return;
  }
}
