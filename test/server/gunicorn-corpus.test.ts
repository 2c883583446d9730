/**
 * Gunicorn's own test requests over sockets into the whole server: whole, byte by byte, and cut at random. What the
 * application saw must be what the corpus says; a refusal must be Gunicorn's status, page and log line.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { percentDecode } from "../../src/base/percent-decoding.ts";
import { refusalPage } from "../../src/protocol/http1/response-writer.ts";
import { headerName } from "../../src/request/header-name.ts";
import { PROTOCOL_ERRORS } from "../../src/request/protocol-error.ts";
import { CORPUS, type CorpusCase, type CorpusRequest, REFUSALS } from "../protocol/http1/gunicorn-corpus.ts";
import { Random } from "../protocol/http1/mutated-inputs.ts";
import { cutAt, everyByte, type GunicornSettings, type Outcome, outcomeOf, peerOf, policyOf } from "../protocol/http1/outcome.ts";
import { type Scope, Server, temporaryFolder } from "./harness.ts";
import { Client } from "./http-client.ts";

/** Cases under way at once: most of their time is waiting. */
const CONCURRENT_MAX = 8;
const PYTHON_WORDS: Readonly<Record<string, string>> = { true: "True", false: "False" };

/** What the application says of a request that the corpus describes. */
function seenByApplication({ method, target, rawPath, query, protocol, headers, body }: CorpusRequest): object {
  const fields: Record<string, string> = {};
  for (const [name, value] of headers) {
    const key = headerName(name)?.environKey ?? assert.fail(name);
    fields[key] = fields[key] === undefined ? value : `${fields[key]},${value}`;
  }
  return { method, target, path: percentDecode(rawPath), query, protocol, fields, body };
}

/** Reads everything that the server sends for one case, to the connection's end. */
async function answers(client: Client, requests: readonly { method: string }[]): Promise<object[]> {
  const seen: object[] = [];
  for (const { method } of requests) {
    let response = await client.readResponse(method);
    if (response.status === 100) response = await client.readResponse(method);
    assert.equal(response.status, 200, response.body);
    seen.push(JSON.parse(response.body));
  }
  return seen;
}

async function check(server: Server, one: CorpusCase, pieces: readonly Buffer[]): Promise<void> {
  const client = await Client.connect(server.address);
  try {
    const sent = client.sendPieces(pieces.map((piece) => piece.latin1Slice())).then(() => client.halfClose());
    const { requests, refusal } = expectedOutcome(one);
    const whole = requests.filter(({ body }) => body !== undefined);
    assert.deepEqual(await answers(client, whole), (one.requests ?? whole).map(seenByApplication));
    const rest = await client.readToEnd();
    await sent;
    if (refusal === null) assert.equal(rest, "");
    else await checkRefusal(server, refusal, rest);
  } finally {
    client.close();
  }
}

/** The page to the byte, and the warning. */
async function checkRefusal(server: Server, refusal: NonNullable<Outcome["refusal"]>, sent: string): Promise<void> {
  const { status, page, message } = refusal;
  const reason = Object.values(PROTOCOL_ERRORS).find((error) => error.status === status)?.reason ?? assert.fail();
  // Of a line that is too long it is told how much had come, which depends on the packets.
  const seenBytes = /\d+(?= &gt;)/.exec(sent)?.[0] ?? "";
  const seen = (text: string) => text.replace(/\d+(?= >)/, seenBytes);
  assert.equal(sent, refusalPage(status, reason, seen(page)));
  await server.waitForLine(new RegExp(`Invalid request from ip=127\\.0\\.0\\.1: ${escaped(seen(message))}$`));
}

/** The parser's outcome, which is Gunicorn's (test/protocol/http1/published-cases.test.ts), held against the recorded class. */
function expectedOutcome({ bytes, settings, requests, refused }: CorpusCase): Outcome {
  const outcome = outcomeOf([Buffer.from(bytes, "latin1")], policyOf(settings), peerOf({ trusted: true, secure: false }));
  const refusal = refused && REFUSALS[refused];
  assert.equal(outcome.refusal?.status, refusal?.status);
  if (requests !== undefined) assert.equal(outcome.requests.length, requests.length);
  return outcome;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A configuration file with these settings. */
function configurationOf(scope: Scope, settings: GunicornSettings): string {
  const path = join(temporaryFolder(scope), "gunicorn.conf.py");
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${PYTHON_WORDS[String(value)] ?? JSON.stringify(value)}\n`);
  writeFileSync(path, lines.join(""));
  return path;
}

const FEEDS: Readonly<Record<string, (bytes: Buffer, random: Random) => Buffer[]>> = {
  whole: (bytes) => [bytes],
  "byte by byte": everyByte,
  "cut at random": (bytes, random) =>
    cutAt(
      bytes,
      Array.from({ length: 1 + random.below(12) }, () => random.below(bytes.length + 1)),
    ),
};

const rows = new Set(CORPUS.map(({ settings }) => JSON.stringify(settings)));

for (const settings of rows) {
  const cases = CORPUS.filter((one) => JSON.stringify(one.settings) === settings);
  test(`Gunicorn's corpus over sockets, ${cases.length} requests with ${settings}`, async (t) => {
    const server = await Server.start(t, "tunicorn", {
      args: ["-c", configurationOf(t, JSON.parse(settings)), "whole_request", "-w", "2"],
    });
    const random = new Random(1);
    const runs = cases.flatMap((one) =>
      Object.entries(FEEDS).map(([feed, cut]) => ({
        one,
        name: `${one.name} ${feed}`,
        pieces: cut(Buffer.from(one.bytes, "latin1"), random),
      })),
    );
    const lanes = Array.from({ length: CONCURRENT_MAX }, async () => {
      for (let run = runs.pop(); run !== undefined; run = runs.pop()) {
        const { name } = run;
        await check(server, run.one, run.pieces).catch((error: unknown) => {
          throw new Error(`${name}: ${String(error)}`, { cause: error });
        });
      }
    });
    await Promise.all(lanes);
  });
}
