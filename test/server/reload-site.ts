/** A site whose code, configuration and address change while it is served, for tests of SIGHUP. */

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";

export class ReloadSite {
  readonly folder: string;
  readonly #scope: Scope;
  /** In the configuration, always. */
  readonly #settings: Record<string, string>;
  server!: Server;

  /** @param settings  Python expressions by setting: `{ workers: "2" }`. */
  constructor(scope: Scope, settings: Readonly<Record<string, string>>) {
    this.#scope = scope;
    this.folder = temporaryFolder(scope);
    this.#settings = { wsgi_app: '"reload_site:application"', ...settings };
    this.code("one");
    this.configure({});
  }

  get address(): string {
    return join(this.folder, "site.sock");
  }

  code(version: string): void {
    writeFileSync(join(this.folder, "version"), version);
  }

  /** @param more  Python source behind the settings. */
  configure(settings: Readonly<Record<string, string>>, more = ""): void {
    const all = { bind: `["unix:${this.address}"]`, ...this.#settings, ...settings };
    this.write(
      `${Object.entries(all)
        .map(([name, value]) => `${name} = ${value}`)
        .join("\n")}\n${more}`,
    );
  }

  write(source: string): void {
    writeFileSync(join(this.folder, "conf.py"), source);
  }

  async start(kind: ServerKind, args: readonly string[] = []): Promise<Server> {
    this.server = Server.spawn(this.#scope, kind, {
      args: ["-c", join(this.folder, "conf.py"), ...args],
      bind: null,
      env: { SITE_VERSION: join(this.folder, "version") },
    });
    await this.server.ready();
    // A HUP before any worker was ready would find nothing to fall back to.
    await this.ask();
    return this.server;
  }

  /** The words of the site's answer: version, WHO, pid, and how it is served. */
  async ask(address: string | number = this.address): Promise<string[]> {
    return (await exchange(address, get("/"))).body.trim().split(" ");
  }

  /** HUP, and its end. @returns the lines from the signal on. */
  async reload(): Promise<string[]> {
    return await this.reloadTo(/reload done gen=/);
  }

  async reloadTo(line: RegExp): Promise<string[]> {
    const from = this.server.lines.length;
    this.server.signal("SIGHUP");
    await this.server.waitForLine(line, from);
    return this.server.lines.slice(from).map(({ text }) => text.replace(/^\[[^\]]*\] \[\d+\] /, ""));
  }
}

/** Asks again and again, each time on a new connection and without a second try, and notes all that is not an answer with 200. */
export function startAsking(
  address: string | number,
  clients: number,
): { readonly failures: string[]; readonly answers: () => number; stop(): Promise<void> } {
  const failures: string[] = [];
  let answers = 0;
  let over = false;
  const ask = async (): Promise<void> => {
    while (!over) {
      const outcome = await exchange(address, get("/")).then(
        ({ status, complete }) => (status === 200 && complete ? "" : `${status} ${complete}`),
        (error: unknown) => String(error),
      );
      if (outcome !== "") failures.push(outcome);
      answers += 1;
    }
  };
  const done = Promise.all(Array.from({ length: clients }, ask));
  return {
    failures,
    answers: () => answers,
    stop: async () => {
      over = true;
      await done;
    },
  };
}

/** How many descriptors a process has (Linux). */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
