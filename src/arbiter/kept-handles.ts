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
  /** By the index of the gateway. */
  readonly #parked = new Map<number, unknown>();
  readonly #gatewayChannels = new Map<number, { readonly pid: number; readonly handle: unknown }>();

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

  keepParked(gateway: number, handle: unknown): void {
    closeHandle(this.#parked.get(gateway));
    this.#parked.set(gateway, handle);
  }

  /** @param pid  The gateway's: a nursery that has not started it knows it from here. */
  keepGatewayChannel(gateway: number, pid: number, handle: unknown): void {
    closeHandle(this.#gatewayChannels.get(gateway)?.handle);
    this.#gatewayChannels.set(gateway, { pid, handle });
  }

  /** What a new nursery adopts, in the order in which it is sent: `[message, handle]`. @param gateways  Those that live. */
  adoptions(gateways: readonly number[]): [object, unknown][] {
    const adoptions: [object, unknown][] = [];
    for (const { address, handle } of this.#listeners.values()) {
      const asked = this.#asked.find(({ index }) => index === address.index) ?? address;
      adoptions.push([{ cmd: "adopt", what: "listener", ...address, asked }, handle]);
    }
    for (const gateway of gateways) {
      const parked = this.#parked.get(gateway);
      if (parked !== undefined) adoptions.push([{ cmd: "adopt", what: "parked", gateway }, parked]);
      const channel = this.#gatewayChannels.get(gateway);
      if (channel !== undefined) adoptions.push([{ cmd: "adopt", what: "gateway-channel", gateway, pid: channel.pid }, channel.handle]);
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

  closeGateway(gateway: number): void {
    closeHandle(this.#parked.get(gateway));
    this.#parked.delete(gateway);
    closeHandle(this.#gatewayChannels.get(gateway)?.handle);
    this.#gatewayChannels.delete(gateway);
  }
}

function closeAll(listeners: ReadonlyMap<number, KeptListener>): void {
  for (const { handle } of listeners.values()) closeHandle(handle);
}

/** Closes a handle that Node gave, if there is one: raw or wrapped, both have `close` or `destroy`. */
export function closeHandle(handle: unknown): void {
  if (typeof handle === "object" && handle !== null && "close" in handle) (handle as RawHandle).close();
}
