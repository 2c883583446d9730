/** Sound conversations of clients, damaged: the seeds are what clients send, the damage what nobody should. */

import { FLAG, FRAME } from "../../../src/protocol/http2/frame-types.ts";
import type { Random } from "../http1/mutated-inputs.ts";
import { block, data, type Fields, frame, GET, headers, POST, rstStream, SETTINGS_ACK, settings, windowUpdate } from "./frames.ts";

const FIELD_LISTS: readonly Fields[] = [
  GET,
  POST,
  [...POST, ["content-length", "3"]],
  [...GET, ["cookie", "a=1"], ["cookie", "b=2"], ["x-a", "v".repeat(200)]],
  [...GET, ["host", "h"], ["te", "trailers"], ["expect", "100-continue"]],
  [
    [":method", "CONNECT"],
    [":authority", "h:443"],
  ],
  [[":method", "CONNECT"], [":protocol", "websocket"], ...GET.slice(1)],
  [["digest", "x"]],
];
/** A literal that the table takes, twice the same, and an index into the table. */
const INDEXED = Buffer.from("4003782d61056669727374be", "hex");
const PRIORITY = Buffer.from("0000000010", "hex");
const LENGTHS_MAX = 300;

/** What opens a stream; on one that is open, what ends its request or breaks it. */
export function headersFrame(random: Random, id: number): Buffer {
  const fields = random.pick(FIELD_LISTS);
  const whole = block(fields);
  switch (random.below(5)) {
    case 0:
      return frame(FRAME.headers, FLAG.endHeaders | random.below(2), id, Buffer.concat([whole, INDEXED]));
    case 1: {
      const cut = random.below(whole.length);
      return Buffer.concat([
        frame(FRAME.headers, random.below(2), id, whole.subarray(0, cut)),
        frame(FRAME.continuation, FLAG.endHeaders, id, whole.subarray(cut)),
      ]);
    }
    case 2:
      return frame(FRAME.headers, FLAG.endHeaders | FLAG.priority, id, Buffer.concat([PRIORITY, whole]));
    default:
      return headers(id, fields, { endStream: random.below(2) === 0 });
  }
}

/** Any other frame, on a stream that has been opened. */
export function otherFrame(random: Random, id: number): Buffer {
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return data(id, "x".repeat(random.below(LENGTHS_MAX)), random.below(3) === 0);
    case 3: {
      const pad = random.below(20);
      return frame(FRAME.data, FLAG.padded | random.below(2), id, Buffer.concat([Buffer.of(pad), Buffer.alloc(random.below(50) + pad)]));
    }
    case 4:
      return data(id, "abc", true);
    case 5:
      return rstStream(id);
    case 6:
      return windowUpdate(random.below(2) * id, 1 + random.below(100_000));
    case 7:
      return settings({ initialWindowSize: random.below(200_000), headerTableSize: random.below(5000) });
    case 8:
      return frame(FRAME.ping, random.below(2), 0, 8);
    case 9:
      return SETTINGS_ACK;
    case 10:
      return frame(FRAME.priority, 0, id, PRIORITY);
    default:
      return random.below(4) === 0
        ? frame(FRAME.goaway, 0, 0, 8 + random.below(20))
        : frame(random.below(256), random.below(256), random.below(8), random.below(30));
  }
}

/** Damages some bytes: heads of frames most of all, where a byte means most. */
export function damage(random: Random, bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    const at = random.below(2) === 0 ? random.below(Math.min(9, damaged.length)) : random.below(damaged.length);
    damaged[at] = random.below(3) === 0 ? random.below(256) : damaged[at]! ^ (1 << random.below(8));
  }
  return damaged;
}
