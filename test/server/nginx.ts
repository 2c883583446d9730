/** Starts real nginxes with configurations of the test's own, on free ports of 127.0.0.1. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { readProjectFile } from "../architecture/source-files.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { requireNginx } from "./find-nginx.ts";
import { type Scope, type Server, temporaryFolder } from "./harness.ts";

/** A port that was free may be taken before nginx has it. */
const STARTS_MAX = 5;

/** Debian's /etc/nginx/uwsgi_params, which the unpacked package does not bring. */
const UWSGI_PARAMS = `uwsgi_param QUERY_STRING $query_string;
uwsgi_param REQUEST_METHOD $request_method;
uwsgi_param CONTENT_TYPE $content_type;
uwsgi_param CONTENT_LENGTH $content_length;
uwsgi_param REQUEST_URI $request_uri;
uwsgi_param PATH_INFO $document_uri;
uwsgi_param DOCUMENT_ROOT $document_root;
uwsgi_param SERVER_PROTOCOL $server_protocol;
uwsgi_param REQUEST_SCHEME $scheme;
uwsgi_param HTTPS $https if_not_empty;
uwsgi_param REMOTE_ADDR $remote_addr;
uwsgi_param REMOTE_PORT $remote_port;
uwsgi_param SERVER_PORT $server_port;
uwsgi_param SERVER_NAME $server_name;
`;

/** The address that the pages' configurations send requests to. */
const DOCUMENTED_TARGET = "unix:/run/shop/tunicorn.sock";

/**
 * A configuration of a page, as it stands there but for the server's address.
 *
 * @param directive  That tells it from the others: `"uwsgi_pass"`.
 */
export function documentedSite(directive: string, target: string, page = "docs/behind-nginx.md"): string {
  const sites = [...readProjectFile(page).matchAll(/^```nginx\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
  const site = sites.find((text) => text.includes(`${directive} `) && text.includes("listen "));
  if (site === undefined) throw new Error(`${page} has no configuration with ${directive}`);
  return replaced(site, DOCUMENTED_TARGET, target);
}

/** Replaces a text that must be there, so that a changed page cannot turn a test into another one. */
export function replaced(site: string, text: string, by: string): string {
  if (!site.includes(text)) throw new Error(`the configuration has no ${JSON.stringify(text)}:\n${site}`);
  return site.replaceAll(text, by);
}

/** A server's address as nginx writes it. */
export function targetOf(server: Server): string {
  return typeof server.address === "number" ? `127.0.0.1:${server.address}` : `unix:${server.address}`;
}

export class Nginx {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** Its error log, with what it did at level info. */
  errorLog(): string {
    return readFileSync(join(this.#folder, "error.log"), "utf8");
  }

  /**
   * Starts an nginx, which the test's end stops.
   *
   * @param site  What stands in `http { }`, with one `listen 80;`.
   */
  static async start(scope: Scope, site: string): Promise<Nginx> {
    const program = requireNginx();
    for (let start = 1; ; start++) {
      const folder = temporaryFolder(scope);
      const port = await freePort();
      writeConfiguration(folder, replaced(site, "listen 80;", `listen 127.0.0.1:${port};`));
      const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
      const exited = new Promise((resolve) => child.once("close", resolve));
      scope.after(async () => {
        child.kill("SIGTERM");
        await withDeadline("waiting for the end of nginx", (resolve) => void exited.then(resolve));
      });
      const pidFile = join(folder, "nginx.pid");
      // Written when it listens.
      await waitUntil("starting nginx", () => child.exitCode !== null || (existsSync(pidFile) && readFileSync(pidFile, "utf8") !== ""));
      const nginx = new Nginx(port, child, folder);
      if (child.exitCode === null) return nginx;
      if (start === STARTS_MAX || !nginx.errorLog().includes("Address already in use")) {
        throw new Error(`nginx ended with ${child.exitCode}:\n${nginx.errorLog()}`);
      }
    }
  }

  /** For compareServers: puts an nginx before a server, at whose address the cases then ask. */
  static before(siteFor: (server: Server) => string): (scope: Scope, server: Server) => Promise<void> {
    return async (scope, server) => {
      const nginx = await Nginx.start(scope, siteFor(server));
      server.address = nginx.port;
    };
  }

  get running(): boolean {
    return this.#child.exitCode === null;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function writeConfiguration(folder: string, site: string): void {
  mkdirSync(join(folder, "temporary"));
  writeFileSync(join(folder, "uwsgi_params"), UWSGI_PARAMS);
  const temporary = ["client_body", "proxy", "uwsgi", "fastcgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/temporary/${kind};`);
  // Started by root its workers would be nobody, who cannot enter the test's folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const text = `${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log info;
events { worker_connections 512; }
http {
  access_log ${folder}/access.log;
  ${temporary.join("\n  ")}
  ${site}
}
`;
  writeFileSync(join(folder, "nginx.conf"), text);
}
