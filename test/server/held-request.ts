/** Requests that a test keeps in the application. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "./deadline.ts";
import { type Scope, type Server, temporaryFolder } from "./harness.ts";
import { get, type Response } from "./http-client.ts";

/** A request that stays in the application until the test lets it go. */
export interface Held {
  readonly worker: number;
  /** The response, or why there is none. */
  readonly answer: Promise<Response | Error>;
  release(): void;
}

export async function holdRequest(t: Scope, server: Server): Promise<Held> {
  const folder = temporaryFolder(t);
  const [note, gate] = [join(folder, "note"), join(folder, "gate")];
  const client = await server.connect();
  t.after(() => client.close());
  client.send(get(`/stay?note=${note}&gate=${gate}`));
  const answer = client.readResponse().catch((error: unknown) => error as Error);
  const worker = await waitUntil(
    "waiting for the request to be in the application",
    // Zero: it is there and not written yet.
    () => (existsSync(note) && Number(readFileSync(note, "utf8"))) || undefined,
  );
  return { worker, answer, release: () => writeFileSync(gate, "") };
}

/** @returns the response's status. @throws what there is instead. */
export async function statusOf({ answer }: Held): Promise<number> {
  const response = await answer;
  if (response instanceof Error) throw response;
  return response.status;
}
