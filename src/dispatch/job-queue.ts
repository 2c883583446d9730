/**
 * A first-in first-out queue with removal, in one ring that is used again and again: an array that is replaced as it
 * moves on leaves dead copies in the old generation, and what they name is kept from the young collector [measured].
 */

/** Room at the start; doubled when it is full. A power of two, so that positions wrap by a mask. */
const INITIAL_ROOM = 256;

export class JobQueue<T extends object> {
  #ring: (T | undefined)[] = new Array<T | undefined>(INITIAL_ROOM).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    this.#makeRoom();
    this.#ring[this.#at(this.#length)] = item;
    this.#length++;
  }

  /** Puts an item in front of all others. */
  unshift(item: T): void {
    this.#makeRoom();
    this.#head = this.#at(-1);
    this.#ring[this.#head] = item;
    this.#length++;
  }

  /** The first items, those that `shift` would give. */
  first(count: number): T[] {
    return Array.from({ length: Math.min(count, this.#length) }, (_, index) => this.#ring[this.#at(index)]!);
  }

  /** The item that `shift` would give. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  shift(): T | undefined {
    const item = this.peek();
    if (item === undefined) return undefined;
    this.#ring[this.#head] = undefined;
    this.#head = this.#at(1);
    this.#length--;
    return item;
  }

  /** @returns false when the item is not in the queue. Linear: departed clients are rare. */
  remove(item: T): boolean {
    for (let index = 0; index < this.#length; index++) {
      if (this.#ring[this.#at(index)] !== item) continue;
      for (let later = index + 1; later < this.#length; later++) this.#ring[this.#at(later - 1)] = this.#ring[this.#at(later)];
      this.#length--;
      this.#ring[this.#at(this.#length)] = undefined;
      return true;
    }
    return false;
  }

  /** Where the item stands that is `index` behind the first. */
  #at(index: number): number {
    return (this.#head + index) & (this.#ring.length - 1);
  }

  #makeRoom(): void {
    const room = this.#ring.length;
    if (this.#length < room) return;
    const ring = new Array<T | undefined>(room * 2).fill(undefined);
    for (let index = 0; index < this.#length; index++) ring[index] = this.#ring[this.#at(index)];
    this.#ring = ring;
    this.#head = 0;
  }
}
