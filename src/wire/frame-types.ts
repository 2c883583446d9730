/** Numbers of the worker channel, the ticket pipe and slot memory. The contract is docs/internals/channels.md; Python's copy is wire.py. */

/** Frames from a worker to the gateway. */
export const FROM_WORKER = {
  response: 1,
  head: 2,
  body: 3,
  end: 4,
  file: 5,
  hints: 6,
  abort: 7,
  credit: 8,
  ready: 9,
  leaving: 10,
  pong: 11,
  fetchHead: 12,
  accept: 13,
  text: 14,
  binary: 15,
  close: 16,
  taken: 17,
  textToMany: 18,
  binaryToMany: 19,
  reports: 20,
} as const;

/** Frames from the gateway to a worker. */
export const TO_WORKER = {
  body: 32,
  bodyEnd: 33,
  credit: 34,
  cancel: 35,
  stop: 36,
  ping: 37,
  head: 38,
  fileRefused: 39,
  fileTaken: 40,
  request: 41,
  clientFin: 42,
  text: 43,
  binary: 44,
  closed: 45,
  completed: 46,
  reportsEnd: 47,
} as const;

/** Flags of `response` and `head`. */
export const HAS_CONTENT_LENGTH = 1;
export const WANTS_CLOSE = 2;
/** Flag of `bodyEnd`: the client closed inside a Content-Length body. */
export const BODY_SHORT = 1;

/** Flag of `request`: the body comes in BODY frames. */
export const BODY_FOLLOWS = 1;
/** Flag of `request`: the client takes trailer fields behind the response. */
export const TAKES_TRAILERS = 2;

/** Flag of `request`: it asks for a WebSocket, and its scope is a WebSocket's. */
export const WEBSOCKET = 4;

/** Flag of `text` and `binary`: the message goes on in the next such frame. Not 1, which means a content length in any frame of a worker. */
export const MESSAGE_GOES_ON = 4;
/**
 * A WebSocket message costs so much of its window besides its bytes, both ways: about what the objects take that hold it while it waits.
 * Without it a window would be 65536 messages of one byte, or any number of empty ones.
 */
export const MESSAGE_COST_BYTES = 256;

export const FRAME_HEADER_BYTES = 16;
/** Largest BODY frame either way: large enough to cost little per byte, small enough that one frame never delays another worker's for long. */
export const FRAME_BODY_BYTES_MAX = 65536;
/** A frame longer than this is a fault of the worker's half, not a response: window, head and slack. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;
/** Body bytes a worker may send before the client (or the spool) has taken any. */
export const RESPONSE_WINDOW_BYTES = 262144;

/** The same on a pushed stream, both ways: thousands may be open, and an application's `send()` is to wait for its client soon. */
export const STREAM_WINDOW_BYTES = 65536;

export const SLOT_BYTES = 16384;
/**
 * The most requests that workers have at once: 32 workers of 128 threads, and with a ticket each the pipe is full. A slot that was
 * never used costs no memory.
 */
export const SLOT_COUNT = 4096;
export const SLOT_HEADER_BYTES = 16;
export const TICKET_BYTES = 16;
/** In a ticket: the head, or the body, comes through the channel. */
export const THROUGH_CHANNEL = 0xffffffff;

/** A claim has room for 2^22 workers, of which no two that live at once share a number, and 2^10 lanes of each. */
export const LANE_SHIFT = 22;
export const LANES_MAX = 1024;

/** Words behind the slots, one for each pushed request: 65 workers with the default `worker_connections` of 1000. */
export const ENTRY_COUNT = 65536;
export const ENTRY_BYTES = 4;
export const ENTRIES_OFFSET = SLOT_COUNT * SLOT_BYTES;
