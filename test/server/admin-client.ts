/** Asks the admin port. */

import assert from "node:assert/strict";
import { waitUntil } from "./deadline.ts";
import { exchange, get, type Response } from "./http-client.ts";

export async function ask(address: number | string, path: string): Promise<Response> {
  return await exchange(address, get(path));
}

/** @returns the samples of /metrics by name and labels, as they stand: `tunicorn_workers{state="ready"}`. */
export async function scrape(address: number | string): Promise<ReadonlyMap<string, number>> {
  const response = await ask(address, "/metrics");
  assert.equal(response.status, 200, response.body);
  const lines = response.body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

/** Waits until these samples have these values. */
export async function waitForSamples(address: number | string, wanted: Readonly<Record<string, number>>): Promise<void> {
  let seen: unknown;
  await waitUntil("waiting for metrics", async () => {
    const samples = await scrape(address);
    seen = Object.keys(wanted).map((name) => `${name} ${samples.get(name)}`);
    return Object.entries(wanted).every(([name, value]) => samples.get(name) === value);
  }).catch((error: unknown) => {
    throw new Error(`wanted ${JSON.stringify(wanted)}, seen ${JSON.stringify(seen)}`, { cause: error });
  });
}
