/**
 * Descriptors that the arbiter keeps and never uses: the listening sockets, and what a nursery needs to go on with a gateway.
 * Node gives them as raw handles, which leak unless they are closed when they are replaced.
 */

import type { ListenAddress } from "../lifecycle/messages.ts";

/** What a raw handle of Node can do. */
interface RawHandle {
  close(): void;
  /** Its descriptor, as libuv knows it. */
  readonly fd?: number;
}

interface KeptListener {
  readonly address: ListenAddress;
  readonly handle: unknown;
}

export class KeptHandles {
  #listeners = new Map<number, KeptListener>();
  /** Those of an answer to `bind` that is not complete. */
  #coming = new Map<number, KeptListener>();
  #asked: readonly ListenAddress[] = [];
  #parked: unknown;
  #gatewayChannel: { readonly pid: number; readonly handle: unknown } | undefined;

  /** One of the listeners that an answer to `bind` brings. They count together, from `keepListeners` on. */
  addListener(address: ListenAddress, handle: unknown): void {
    closeHandle(this.#coming.get(address.index)?.handle);
    this.#coming.set(address.index, { address, handle });
  }

  /** @param asked  The addresses by which they were asked for: a name, port 0, an inherited descriptor. */
  keepListeners(asked: readonly ListenAddress[]): void {
    closeAll(this.#listeners);
    this.#listeners = this.#coming;
    this.#asked = asked;
    this.#coming = new Map();
  }

  /** Nobody will complete the answer: its nursery is gone. */
  dropComing(): void {
    closeAll(this.#coming);
    this.#coming = new Map();
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
    for (const { address, handle } of this.#listeners.values()) {
      const asked = this.#asked.find(({ index }) => index === address.index) ?? address;
      adoptions.push([{ cmd: "adopt", what: "listener", ...address, asked }, handle]);
    }
    if (withGateway && this.#parked !== undefined) adoptions.push([{ cmd: "adopt", what: "parked" }, this.#parked]);
    if (withGateway && this.#gatewayChannel !== undefined) {
      const { pid, handle } = this.#gatewayChannel;
      adoptions.push([{ cmd: "adopt", what: "gateway-channel", pid }, handle]);
    }
    return adoptions;
  }

  /** The listeners' descriptors, in their order. */
  listenerDescriptors(): number[] {
    const listeners = [...this.#listeners.values()].sort((a, b) => a.address.index - b.address.index);
    return listeners.flatMap(({ handle }) => (handle as RawHandle | undefined)?.fd ?? []);
  }

  /** The file that a listener is in the file system; undefined for all others. */
  fileOfListener(index: number): string | undefined {
    const address = this.#listeners.get(index)?.address;
    // Abstract names of Linux begin with a zero and are no files; a unix socket may also have none.
    return address?.kind === "unix" && address.path !== "" && !address.path.startsWith("\0") ? address.path : undefined;
  }

  closeListeners(): void {
    closeAll(this.#listeners);
    this.#listeners = new Map();
    this.dropComing();
  }

  closeGateway(): void {
    this.keepParked(undefined);
    closeHandle(this.#gatewayChannel?.handle);
    this.#gatewayChannel = undefined;
  }
}

function closeAll(listeners: ReadonlyMap<number, KeptListener>): void {
  for (const { handle } of listeners.values()) closeHandle(handle);
}

/** Closes a handle that Node gave, if there is one: raw or wrapped, both have `close` or `destroy`. */
export function closeHandle(handle: unknown): void {
  if (typeof handle === "object" && handle !== null && "close" in handle) (handle as RawHandle).close();
}
