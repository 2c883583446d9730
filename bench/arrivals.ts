/** When one request of an open loop is sent, whatever became of those before it. */
export interface Arrival {
  /** Milliseconds after the start of the load. */
  readonly atMs: number;
  /** Whether it goes to the slow path. */
  readonly slow: boolean;
}

/** mulberry32: numbers from 0 to 1 that are the same for the same seed, so that every server gets the same schedule. */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Makes the schedule of an open loop: independent clients, so exponential gaps (a Poisson process).
 *
 * @param slowEvery  one request of each block of so many is slow, at a place drawn for the block
 * @returns          in the order of sending
 */
export function scheduleArrivals(load: { ratePerSecond: number; seconds: number; slowEvery: number; seed: number }): Arrival[] {
  const random = createRandom(load.seed);
  const arrivals: Arrival[] = [];
  let atMs = 0;
  let slowPlace = 0;
  for (;;) {
    atMs -= (Math.log(1 - random()) * 1000) / load.ratePerSecond;
    if (atMs >= load.seconds * 1000) return arrivals;
    const place = arrivals.length % load.slowEvery;
    if (place === 0) slowPlace = Math.floor(random() * load.slowEvery);
    arrivals.push({ atMs, slow: place === slowPlace });
  }
}
