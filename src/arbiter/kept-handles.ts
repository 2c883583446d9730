/**
 * Descriptors that the arbiter keeps and never uses: the listening sockets, and what a nursery needs to go on with a gateway.
 * Node gives them as raw handles, which leak unless they are closed when they are replaced.
 */

import type { ListenAddress } from "../lifecycle/messages.ts";

/** What a raw handle of Node can do. */
interface RawHandle {
  close(): void;
}

interface KeptListener {
  readonly address: ListenAddress;
  readonly handle: unknown;
}

export class KeptHandles {
  #listeners = new Map<number, KeptListener>();
  #parked: unknown;
  #gatewayChannel: { readonly pid: number; readonly handle: unknown } | undefined;

  keepListener(address: ListenAddress, handle: unknown): void {
    closeHandle(this.#listeners.get(address.index)?.handle);
    this.#listeners.set(address.index, { address, handle });
  }

  keepParked(handle: unknown): void {
    closeHandle(this.#parked);
    this.#parked = handle;
  }

  /** @param pid  The gateway's: a nursery that has not started it knows it from here. */
  keepGatewayChannel(pid: number, handle: unknown): void {
    closeHandle(this.#gatewayChannel?.handle);
    this.#gatewayChannel = { pid, handle };
  }

  /** What a new nursery adopts, in the order in which it is sent: `[message, handle]`. */
  adoptions(withGateway: boolean): [object, unknown][] {
    const adoptions: [object, unknown][] = [];
    for (const { address, handle } of this.#listeners.values()) adoptions.push([{ cmd: "adopt", what: "listener", ...address }, handle]);
    if (withGateway && this.#parked !== undefined) adoptions.push([{ cmd: "adopt", what: "parked" }, this.#parked]);
    if (withGateway && this.#gatewayChannel !== undefined) {
      const { pid, handle } = this.#gatewayChannel;
      adoptions.push([{ cmd: "adopt", what: "gateway-channel", pid }, handle]);
    }
    return adoptions;
  }

  closeListeners(): void {
    for (const { handle } of this.#listeners.values()) closeHandle(handle);
    this.#listeners = new Map();
  }

  closeGateway(): void {
    this.keepParked(undefined);
    closeHandle(this.#gatewayChannel?.handle);
    this.#gatewayChannel = undefined;
  }
}

/** Closes a handle that Node gave, if there is one: raw or wrapped, both have `close` or `destroy`. */
export function closeHandle(handle: unknown): void {
  if (typeof handle === "object" && handle !== null && "close" in handle) (handle as RawHandle).close();
}
