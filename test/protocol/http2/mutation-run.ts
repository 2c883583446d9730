/** Runs many damaged conversations through the engine, and holds what comes out against what must always be true. */

import assert from "node:assert/strict";
import type { Http2Stream } from "../../../src/protocol/http2/stream.ts";
import { Random } from "../http1/mutated-inputs.ts";
import { garbageCollector } from "../http1/mutation-run.ts";
import { HELLO } from "./frames.ts";
import { Harness } from "./harness.ts";
import { damage, headersFrame, otherFrame } from "./mutated-frames.ts";

const FRAMES_MAX = 40;
/** Of this many conversations, one is also cut in other places: that costs as much as several. */
const CUT_EVERY = 16;
const MEMORY_CHECKS = 20;
const STREAMS_MAX = 5;
const CONNECTION_WINDOW = 1 << 20;
const PIECE_BYTES_MAX = 40;

export interface MutationFigures {
  readonly frames: number;
  readonly conversations: number;
  readonly requests: number;
  /** Connections that were ended for an error. */
  readonly refused: number;
  /** Longest time that one conversation took. */
  readonly slowestMs: number;
  /** Live heap after a collection, at each twentieth of the run. */
  readonly heapBytes: readonly number[];
}

/** @throws {Error} Naming the conversation, for the first one that breaks a rule. */
export function runMutations(framesMin: number, seed: number): MutationFigures {
  const random = new Random(seed);
  const collect = garbageCollector();
  const heapBytes: number[] = [];
  const figures = { frames: 0, conversations: 0, requests: 0, refused: 0, slowestMs: 0 };
  while (figures.frames < framesMin) {
    if (figures.frames >= (heapBytes.length * framesMin) / MEMORY_CHECKS) {
      collect();
      heapBytes.push(process.memoryUsage().heapUsed);
    }
    const pieces = conversation(random);
    const startedMs = performance.now();
    try {
      const whole = checkConversation([Buffer.concat(pieces)]);
      figures.requests += whole.requests;
      figures.refused += whole.refused ? 1 : 0;
      if (figures.conversations % CUT_EVERY === 0) assert.deepEqual(checkConversation(cut(random, pieces)).seen, whole.seen);
    } catch (error) {
      throw new Error(`conversation ${figures.conversations} of seed ${seed}: ${Buffer.concat(pieces).toString("hex")}`, { cause: error });
    }
    figures.slowestMs = Math.max(figures.slowestMs, performance.now() - startedMs);
    figures.frames += pieces.length;
    figures.conversations += 1;
  }
  collect();
  heapBytes.push(process.memoryUsage().heapUsed);
  return { ...figures, heapBytes };
}

/** Frames of one client; one in eight is damaged, and in one of three conversations none is. */
function conversation(random: Random): Buffer[] {
  const isSound = random.below(3) === 0;
  const frames: Buffer[] = [];
  let next = 1;
  for (let count = 1 + random.below(FRAMES_MAX); count > 0; count -= 1) {
    const opens = next === 1 || random.below(3) === 0;
    // Mostly the last stream: what comes on those that are done breaks them, or the connection.
    const earlier = random.below(3) === 0 ? 1 + 2 * random.below((next - 1) / 2) : next - 2;
    const sound = opens ? headersFrame(random, next) : random.below(20) === 0 ? headersFrame(random, earlier) : otherFrame(random, earlier);
    frames.push(isSound || random.below(8) > 0 ? sound : damage(random, sound));
    if (opens) next += 2;
  }
  return [HELLO, ...frames];
}

function cut(random: Random, pieces: readonly Buffer[]): Buffer[] {
  const bytes = Buffer.concat(pieces);
  const isSingle = random.below(4) === 0;
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = isSingle ? 1 : 1 + random.below(PIECE_BYTES_MAX);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

interface Checked {
  readonly seen: string[];
  readonly requests: number;
  readonly refused: boolean;
}

/** Feeds a conversation and checks it. What the server does depends on the stream's number alone, so that cuts change nothing. */
function checkConversation(chunks: readonly Buffer[]): Checked {
  const harness = new Harness({ hello: false, settings: { maxConcurrentStreams: STREAMS_MAX, extendedConnect: true }, onRequest: serve });
  for (const chunk of chunks) {
    harness.send(chunk);
    assert.ok(harness.connection.openStreams <= STREAMS_MAX);
  }
  const written = harness.read();
  const code = harness.end?.code ?? "NO_ERROR";
  if (code !== "NO_ERROR") assert.match(written.at(-1) ?? "", new RegExp(`^goaway \\d+ ${code}$`));
  harness.connection.clientLeft();
  assert.deepEqual(harness.read(), [], "nothing is written for a client that has left");
  checkStreams(harness);
  return {
    seen: [...joinBodies(harness.events), ...written],
    requests: harness.heads.length,
    refused: code !== "NO_ERROR",
  };
}

function serve(stream: Http2Stream): void {
  switch (stream.id % 7) {
    case 1:
    case 3:
      stream.respond(200, [], Buffer.from("hello"));
      return;
    case 5:
      stream.respond(200, [], Buffer.alloc(5000));
      return;
    case 6:
      stream.reset("CANCEL");
      return;
  }
}

/** Every stream tells its story in order: request, body, then one end or none. */
function checkStreams(harness: Harness): void {
  let heldBytes = 0;
  for (const stream of harness.streams) {
    const story = harness.events.filter((event) => event.startsWith(`${stream.id} `)).map((event) => event.split(" ")[1] ?? "");
    assert.match(story.join(" "), /^(refused|\S+( body)*( end)?( left)?)$/);
    heldBytes += stream.unconsumedBytes;
    const head = harness.headOf.get(stream.id);
    const bodyBytes = harness.body(stream.id).length;
    if (head?.framing.kind === "length" && story.includes("end")) assert.equal(bodyBytes, head.framing.bytes);
    if (head?.framing.kind === "none" && head.connectProtocol === undefined) assert.equal(bodyBytes, 0);
  }
  assert.ok(heldBytes <= CONNECTION_WINDOW);
}

/** A body is the same wherever it was cut. */
function joinBodies(events: readonly string[]): string[] {
  const joined: string[] = [];
  for (const event of events) {
    const [id, what, bytes] = event.split(" ");
    const [lastId, lastWhat, lastBytes] = joined.at(-1)?.split(" ") ?? [];
    if (what === "body" && lastWhat === "body" && id === lastId)
      joined[joined.length - 1] = `${id} body ${Number(lastBytes) + Number(bytes)}`;
    else joined.push(event);
  }
  return joined;
}
