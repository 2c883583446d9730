/**
 * What a client may do that costs us more than it costs the client. Each thing is legal by itself; too much of it ends the
 * connection with ENHANCE_YOUR_CALM (RFC 9113 §10.5), and what was done until then is bounded.
 */

import { ConnectionError } from "./connection-error.ts";
import { RateLimit } from "./rate-limit.ts";

/**
 * Streams that end without an answer, cancelled by the client (CVE-2023-44487) or by its faults (CVE-2025-8671): each may have
 * cost a worker's time, and none counts as open any more. Gunicorn's number for ten seconds; somebody who leaves a page with
 * two hundred images stays below it.
 */
const RESETS_BURST = 200;
const RESETS_PER_SECOND = 20;
/** Frames that want work and bring nothing: PING, SETTINGS, PRIORITY, unknown ones, empty DATA (CVE-2019-9512, -9515, -9518). Gunicorn's numbers. */
const IDLE_FRAMES_BURST = 1000;
const IDLE_FRAMES_PER_SECOND = 100;
/** WINDOW_UPDATEs that nothing we have sent asks for. */
const WINDOW_UPDATES_BURST = 1000;
const WINDOW_UPDATES_PER_SECOND = 100;
/** Go's client says it every 4 KiB that it reads, for stream and connection: four times as often is still no attack. */
const SENT_BYTES_PER_WINDOW_UPDATE = 512;
/** Simple clients say it for each frame, however short, for stream and connection. */
const WINDOW_UPDATES_PER_FRAME = 4;

export class AbuseLimits {
  readonly #resets = new RateLimit(RESETS_BURST, RESETS_PER_SECOND);
  readonly #idleFrames = new RateLimit(IDLE_FRAMES_BURST, IDLE_FRAMES_PER_SECOND);
  readonly #windowUpdates = new RateLimit(WINDOW_UPDATES_BURST, WINDOW_UPDATES_PER_SECOND);

  /** @throws {ConnectionError} ENHANCE_YOUR_CALM, as all of these. */
  countReset(nowMs: number): void {
    if (!this.#resets.take(nowMs)) throw tooMuch(`more than ${RESETS_BURST} streams cancelled or refused in a short time`);
  }

  countIdleFrame(nowMs: number): void {
    if (!this.#idleFrames.take(nowMs)) throw tooMuch(`more than ${IDLE_FRAMES_BURST} frames without content in a short time`);
  }

  countWindowUpdate(nowMs: number): void {
    if (!this.#windowUpdates.take(nowMs)) throw tooMuch(`more than ${WINDOW_UPDATES_BURST} WINDOW_UPDATE frames in a short time`);
  }

  /** A frame with so many body bytes has gone out, of which the client will say that it has taken them. */
  bodySent(bytes: number): void {
    this.#windowUpdates.earn(WINDOW_UPDATES_PER_FRAME + bytes / SENT_BYTES_PER_WINDOW_UPDATE);
  }
}

function tooMuch(what: string): ConnectionError {
  return new ConnectionError("ENHANCE_YOUR_CALM", what);
}
