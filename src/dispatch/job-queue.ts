/** A first-in first-out queue with removal: an array with a moving head, so that a long queue costs no shifting. */

/** The head's room is given back once it is this long and makes up most of the array. */
const COMPACT_AT = 1024;

export class JobQueue<T extends object> {
  #items: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#length++;
  }

  /** Puts an item in front of all others. */
  unshift(item: T): void {
    if (this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.unshift(item);
    this.#length++;
  }

  /** The item that `shift` would give. */
  peek(): T | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head];
      if (item !== undefined) return item;
      this.#head++;
    }
    return undefined;
  }

  shift(): T | undefined {
    const item = this.peek();
    if (item !== undefined) {
      this.#items[this.#head++] = undefined;
      this.#length--;
    }
    this.#compact();
    return item;
  }

  /** @returns false when the item is not in the queue. Linear: departed clients are rare. */
  remove(item: T): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index < 0) return false;
    this.#items[index] = undefined;
    this.#length--;
    // While no worker lives nothing is shifted: without this the holes of departed clients would only pile up.
    if (this.#items.length - this.#head >= COMPACT_AT && this.#length * 2 < this.#items.length - this.#head) {
      this.#items = this.#items.filter((kept) => kept !== undefined);
      this.#head = 0;
    }
    return true;
  }

  #compact(): void {
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}
