/** Drives control sockets with the real clients: gunicornc from PyPI, and tunicornc. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./deadline.ts";
import { VENV } from "./harness.ts";

export type ClientKind = "gunicornc" | "tunicornc";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAMS: Readonly<Record<ClientKind, string>> = {
  gunicornc: join(VENV, "bin/gunicornc"),
  tunicornc: join(PROJECT, "bin/tunicornc"),
};

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A program that is given the client's command line to run. */
  readonly through?: readonly string[];
}

export function runClient(
  kind: ClientKind,
  args: readonly string[],
  { input = "", env = {}, through = [] }: RunOptions = {},
): Promise<Ran> {
  const [program = "", ...rest] = [...through, PROGRAMS[kind], ...args];
  const child = spawn(program, rest, { env: { PATH: process.env.PATH, HOME: "/nonexistent", LANG: "C.UTF-8", ...env } });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.stdin.on("error", () => {}).end(input);
  return new Promise((fulfil, reject) => {
    child.once("error", reject);
    child.once("close", (code) => fulfil({ code, ...output }));
  });
}

/** Gunicorn's socket is away while it forks: whoever meets that asks again. */
const AWAY = /Failed to connect|Communication error/;

export class Controlled {
  readonly path: string;
  readonly client: ClientKind;

  /** @param path  Of the socket. */
  constructor(path: string, client: ClientKind = "tunicornc") {
    this.path = path;
    this.client = client;
  }

  /** One command, until the server is there to answer it. */
  async run(command: string, ...args: readonly string[]): Promise<Ran> {
    return await waitUntil(`waiting for an answer to ${command}`, async () => {
      const ran = await runClient(this.client, ["-s", this.path, "-c", command, ...args]);
      return AWAY.test(ran.stderr) ? undefined : ran;
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape, whose fields the tests look at
  async ask(command: string): Promise<any> {
    const { code, stdout, stderr } = await this.run(command, "-j");
    assert.equal(stderr, "");
    const data = JSON.parse(stdout);
    assert.equal(code, data.success === false && this.client === "tunicornc" ? 1 : 0);
    return data;
  }

  /** A command that changes something: said once. @returns undefined when Gunicorn has cut the connection before its answer. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  async tell(command: string): Promise<any> {
    const ran = await waitUntil(`waiting for an answer to ${command}`, async () => {
      const once = await runClient(this.client, ["-s", this.path, "-c", command, "-j"]);
      return once.stderr.includes("Failed to connect") ? undefined : once;
    });
    return ran.stderr.includes("Communication error") ? undefined : JSON.parse(ran.stdout);
  }

  /** Asks again and again until the answer is as wanted. @returns it. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  async until(command: string, isWanted: (data: any) => boolean): Promise<any> {
    return await waitUntil(`waiting for ${command}: ${isWanted}`, async () => {
      const data = await this.ask(command);
      return isWanted(data) ? data : undefined;
    });
  }

  /** Many commands in one interactive session. @returns what was printed for each. */
  async session(commands: readonly string[], ...args: readonly string[]): Promise<string[]> {
    return await waitUntil(`waiting for a session`, async () => {
      const input = `${commands.join("\n")}\nquit\n`;
      const { stdout, stderr } = await runClient(this.client, ["-s", this.path, ...args], { input });
      if (AWAY.test(stderr) || AWAY.test(stdout)) return undefined;
      const parts = stdout.split(/(?:g|t)unicorn> /);
      return commands.map((_, index) => parts[index + 1]?.trimEnd() ?? "");
    });
  }
}

/** What a JSON value is made of: every field with the type of its value, of a list its first entry's. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, shapeOf(field)]));
}

/** The fields of `value` that `model` has too, in `model`'s order. */
export function onlyFieldsOf(model: unknown, value: unknown): unknown {
  if (Array.isArray(model) && Array.isArray(value)) return value.map((each) => onlyFieldsOf(model[0], each));
  if (model === null || typeof model !== "object" || value === null || typeof value !== "object") return value;
  const fields = value as Record<string, unknown>;
  return Object.fromEntries(Object.entries(model).map(([key, field]) => [key, onlyFieldsOf(field, fields[key])]));
}
