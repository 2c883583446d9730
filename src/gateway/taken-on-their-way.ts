/**
 * Requests that their worker has ended, saying that the application has answered by itself, before the application's way to the client
 * has come: that one goes through the nursery, and may be later.
 */

/** A request, as far as this needs it. */
export interface TakenRequest {
  readonly id: number;
  /** @returns false as long as the way has not come. */
  onTaken(): boolean;
  onTakenLost(): void;
}

/** The nursery passes on at once; one that has died loses what it had. */
const ON_THE_WAY_MAX_MS = 5000;

export class TakenOnTheirWay<R extends TakenRequest = TakenRequest> {
  readonly #requests = new Map<number, { readonly request: R; readonly sinceMs: number }>();

  /** The request has ended. */
  await(request: R, nowMs: number): void {
    this.#requests.set(request.id, { request, sinceMs: nowMs });
  }

  find(id: number): R | undefined {
    return this.#requests.get(id)?.request;
  }

  /** The way of a request has come. */
  arrived(id: number): void {
    this.#requests.get(id)?.request.onTaken();
    this.#requests.delete(id);
  }

  /** Gives up what has been awaited for too long. Called a few times a second. */
  sweep(nowMs: number): void {
    for (const [id, { request, sinceMs }] of this.#requests) {
      if (nowMs - sinceMs < ON_THE_WAY_MAX_MS) continue;
      this.#requests.delete(id);
      request.onTakenLost();
    }
  }
}
