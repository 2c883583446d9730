/** Runs a command line that is expected to end by itself, with the environment of the servers under test. */

import { type Scope, Server, type ServerKind, type StartOptions } from "./harness.ts";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param options  As for `Server.start`, with no bind address unless one is given. */
export async function runToEnd(scope: Scope, kind: ServerKind, options: StartOptions): Promise<Ended> {
  const server = Server.spawn(scope, kind, { bind: null, ...options });
  const { code } = await server.exit();
  await server.nothingLeft();
  return { code, stdout: server.output("stdout"), stderr: server.output("stderr") };
}
