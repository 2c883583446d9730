/** What was made of a head for the workers, kept for the next request with the very same head. */

import type { RequestHead } from "./request-head.ts";

export class EncodedHead {
  #encoder: object | undefined;
  #names: RequestHead["names"] | undefined;
  #text = "";

  /**
   * @param encoder  Whoever encodes, and an object of its own for each way to do it.
   * @param names    Of the head: a head that was given another field since is another one.
   * @param encode   Called when nothing was kept. What it throws is thrown.
   */
  get(encoder: object, names: RequestHead["names"], encode: () => string): string {
    if (this.#encoder !== encoder || this.#names !== names) {
      this.#text = encode();
      this.#encoder = encoder;
      this.#names = names;
    }
    return this.#text;
  }
}
