/** Requests through nginx with gaps around the time at which one side closes an idle upstream connection: none may be answered 502. */

import { setTimeout as pass } from "node:timers/promises";
import type { Server } from "./harness.ts";
import { exchange, get, post } from "./http-client.ts";
import { replaced, targetOf } from "./nginx.ts";

export interface Gaps {
  /** Connections between nginx and the server, each with gaps of its own. */
  readonly lanes: number;
  readonly requests: number;
  /** Gaps are spread evenly at random from here ... */
  readonly fromMs: number;
  /** ... to here. */
  readonly toMs: number;
  readonly methods: readonly ("GET" | "POST")[];
}

export interface Outcome {
  /** What was not 200, with the gap before it: `"POST 502 after 1003 ms"`. */
  readonly failures: readonly string[];
  /** Requests on the connection of the one before them, and on a new one. */
  readonly reused: number;
  readonly renewed: number;
}

/** A site with an upstream of one connection for each lane, so that a lane's gaps are its connection's. */
export function laneSite(server: Server, documented: string, lanes: number, keepaliveSeconds: number): string {
  const [upstream = "", rest = ""] = documented.split(/^(?=server \{)/m);
  const location = rest.slice(rest.indexOf("    location / {"), rest.lastIndexOf("}"));
  const numbers = Array.from({ length: lanes }, (_, lane) => lane);
  const upstreams = numbers.map((lane) =>
    replaced(
      replaced(upstream, "upstream shop", `upstream lane${lane}`),
      "keepalive 32;",
      `keepalive 1; keepalive_timeout ${keepaliveSeconds}s;`,
    ),
  );
  const locations = numbers.map((lane) =>
    replaced(replaced(location, "location /", `location /${lane}/`), "http://shop;", `http://lane${lane}/;`),
  );
  if (!upstream.includes(targetOf(server))) throw new Error(`the upstream is not ${targetOf(server)}`);
  return [...upstreams, replaced(rest, location, locations.join(""))].join("");
}

/** @param port  nginx's. */
export async function askWithGaps(port: number, gaps: Gaps): Promise<Outcome> {
  const failures: string[] = [];
  let reused = 0;
  let renewed = 0;
  const runLane = async (lane: number) => {
    let lastPort: unknown;
    for (let at = 0; at < gaps.requests; at++) {
      const gapMs = at === 0 ? 0 : gaps.fromMs + Math.random() * (gaps.toMs - gaps.fromMs);
      await pass(gapMs);
      const method = gaps.methods[(lane + at) % gaps.methods.length] ?? "GET";
      const response = await exchange(port, method === "GET" ? get(`/${lane}/environ`) : post(`/${lane}/environ`, "abc"));
      if (response.status !== 200) {
        failures.push(`${method} ${response.status} after ${Math.round(gapMs)} ms`);
        continue;
      }
      const [, remotePort] = JSON.parse(response.body).REMOTE_PORT;
      if (remotePort === lastPort) reused++;
      else if (lastPort !== undefined) renewed++;
      lastPort = remotePort;
    }
  };
  await Promise.all(Array.from({ length: gaps.lanes }, (_, lane) => runLane(lane)));
  return { failures, reused, renewed };
}
