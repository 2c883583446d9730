/** Ids of pushed requests, and their entries in the memory that workers write. One for all dispatchers that share that memory. */

/** With 2^16 entries ids stay below 2^31, and none comes back before this many others of its entry. */
const SEQUENCE_MAX = 32767 - 1;

export class EntryIds {
  readonly count: number;
  readonly #free: number[] = [];
  /** By entry: what its last id was the multiple of. */
  readonly #sequences: Uint16Array;
  /** Entries that have been used so far. */
  #touched = 0;

  /** @param count  Entries: requests that can be with workers at once, over all of them. */
  constructor(count: number) {
    this.count = count;
    this.#sequences = new Uint16Array(count);
  }

  /** A new id, whose entry is the one that was given back last, so that few of them are ever touched. @returns undefined when all are in use. */
  take(): number | undefined {
    const entry = this.#free.pop() ?? (this.#touched < this.count ? this.#touched++ : undefined);
    if (entry === undefined) return undefined;
    const sequence = (this.#sequences[entry]! % SEQUENCE_MAX) + 1;
    this.#sequences[entry] = sequence;
    return sequence * this.count + entry;
  }

  giveBack(id: number): void {
    this.#free.push(this.entryOf(id));
  }

  entryOf(id: number): number {
    return id % this.count;
  }
}
