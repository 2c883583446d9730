/** The dynamic table (RFC 7541 §2.3.2 and §4), the same for both directions: newest entry first, oldest evicted when there is no room. */

/** Beside name and value every entry counts so much (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;
/** The size that both sides start with (RFC 9113 §6.5.2), and the largest that we use: a peer that offers more gains nothing from it. */
export const TABLE_BYTES_MAX = 4096;
/** No more entries than this ever fit. A power of two, so that a mask finds an entry's place. */
const RING_SIZE = TABLE_BYTES_MAX / ENTRY_OVERHEAD_BYTES;
const RING_MASK = RING_SIZE - 1;

export interface TableEntry {
  /** Name and value, and the overhead. */
  readonly tableBytes: number;
}

export class DynamicTable<Entry extends TableEntry> {
  /** Entries added so far: the number of the next one. */
  inserted = 0;
  /** Entries in the table now. */
  count = 0;
  #bytes = 0;
  #capacity = TABLE_BYTES_MAX;
  readonly #ring: (Entry | undefined)[] = new Array<Entry | undefined>(RING_SIZE).fill(undefined);

  get capacity(): number {
    return this.#capacity;
  }

  /** @param age  0 is the newest. */
  newest(age: number): Entry | undefined {
    return age < this.count ? this.#ring[(this.inserted - 1 - age) & RING_MASK] : undefined;
  }

  /** @param number  The entry's number, as `inserted` was when it was added. @returns Undefined when it has been evicted. */
  numbered(number: number): Entry | undefined {
    return number >= this.inserted - this.count ? this.#ring[number & RING_MASK] : undefined;
  }

  /** Adds an entry; one larger than the table leaves it empty (RFC 7541 §4.4). @returns Whether it is in the table now. */
  add(entry: Entry): boolean {
    this.#evictUntil(this.#capacity - entry.tableBytes);
    if (entry.tableBytes > this.#capacity) return false;
    this.#ring[this.inserted & RING_MASK] = entry;
    this.inserted += 1;
    this.count += 1;
    this.#bytes += entry.tableBytes;
    return true;
  }

  /** @param bytes  At most `TABLE_BYTES_MAX`. */
  resize(bytes: number): void {
    this.#capacity = bytes;
    this.#evictUntil(bytes);
  }

  #evictUntil(bytesMax: number): void {
    while (this.count > 0 && this.#bytes > bytesMax) {
      const oldest = (this.inserted - this.count) & RING_MASK;
      this.#bytes -= this.#ring[oldest]!.tableBytes;
      this.#ring[oldest] = undefined;
      this.count -= 1;
    }
  }
}
