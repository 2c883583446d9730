/**
 * Runs one list of cases against Gunicorn and Tunicorn: Gunicorn's answer is what Tunicorn's must be.
 *
 * Each case also says in words of its own what it expects, so that it means something to a reader, and so that a
 * mistake in the harness cannot make both servers agree on nothing. Where Tunicorn is meant to differ, the case says so
 * and docs/differences.md has the reason.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS, type Scope, Server, type ServerKind, type StartOptions } from "./harness.ts";
import { Client, get, type Response } from "./http-client.ts";

/** What a client saw: any set of named facts. */
export type Observation = Readonly<Record<string, unknown>>;

export interface Case {
  readonly name: string;
  readonly run: (server: Server) => Promise<Observation>;
  /** Facts that both servers must show. */
  readonly expected: Observation;
  /** Facts in which Tunicorn is meant to differ (docs/differences.md). */
  readonly tunicorn?: Observation;
}

/**
 * @param options  How to start each server; the same for both unless a function says otherwise.
 * @param prepare  Something to do with each before the cases: a proxy to put before it.
 */
export function compareServers(
  suite: string,
  options: StartOptions | ((kind: ServerKind) => StartOptions),
  cases: readonly Case[],
  prepare: (scope: Scope, server: Server) => Promise<void> = async () => {},
): void {
  test(suite, async (t) => {
    const servers = await Promise.all(KINDS.map((kind) => Server.start(t, kind, typeof options === "function" ? options(kind) : options)));
    for (const server of servers) await prepare(t, server);
    for (const { name, run, expected, tunicorn } of cases) {
      await t.test(`${suite}: ${name}`, async () => {
        let gunicorns: Observation | undefined;
        for (const server of servers) {
          const seen = await run(server).catch((error: unknown) => {
            throw new Error(`${server.kind}: ${String(error)}\nits lines:\n${server.output()}`, { cause: error });
          });
          if (server.kind === "gunicorn") {
            assertShows(seen, expected, "gunicorn");
            gunicorns = seen;
          } else {
            assertShows(seen, { ...gunicorns, ...expected, ...tunicorn }, "tunicorn");
          }
        }
      });
    }
  });
}

/** Asserts the facts that `expected` names. */
export function assertShows(seen: Observation, expected: Observation, who: string): void {
  const named = Object.fromEntries(Object.keys(expected).map((key) => [key, seen[key]]));
  assert.deepEqual({ who, ...named }, { who, ...expected });
}

/** Fields that differ by design or by the clock. Transfer-Encoding is told by `framing`. */
const NOT_COMPARED = new Set(["date", "server", "connection", "transfer-encoding"]);

/** One response as facts, without what is not compared. */
export function facts({ statusLine, fields, body, framing, complete }: Response): Observation {
  return { statusLine, fields: fields.filter(([name]) => !NOT_COMPARED.has(name.toLowerCase())), body, framing, complete };
}

/** A case of one request on a connection of its own; its facts are the response's. */
export function ask(name: string, request: string, expected: Observation, tunicorn: Observation = {}): Case {
  return { name, run: async (server) => facts(await server.exchange(request)), expected, tunicorn };
}

/** `ask` with a GET. */
export function askFor(target: string, expected: Observation, tunicorn: Observation = {}): Case {
  return ask(`GET ${target}`, get(target), expected, tunicorn);
}

/** A case in which a client does more than one request; it is closed at the end. */
export function talk(
  name: string,
  run: (client: Client, server: Server) => Promise<Observation>,
  expected: Observation,
  tunicorn: Observation = {},
): Case {
  const withClient = async (server: Server): Promise<Observation> => {
    const client = await Client.connect(server.address);
    try {
      return await run(client, server);
    } finally {
      client.close();
    }
  };
  return { name, run: withClient, expected, tunicorn };
}
