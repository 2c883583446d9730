/** Numbers of lanes in claims (docs/internals/channels.md §5); Python's copy is in wire.py. */

import { LANE_SHIFT } from "./frame-types.ts";

const WORKERS = 2 ** LANE_SHIFT - 1;

/**
 * The number of a worker's lane: never 0, and for lane 0 of the first 4 million workers the worker's own.
 * `laneNumber(7, 0) === 7`, `laneNumber(7, 2) === 7 + 2 * 2 ** 22`
 */
export function laneNumber(worker: number, lane: number): number {
  return lane * 2 ** LANE_SHIFT + ((worker - 1) % WORKERS) + 1;
}
