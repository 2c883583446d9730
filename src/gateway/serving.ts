/** How requests reach the workers of a class: pulled by blocking workers, or pushed to event loops (design §4). */

import { readSync } from "node:fs";
import type { Dispatcher, Job } from "../dispatch/dispatcher.ts";
import type { EntryIds } from "../dispatch/entry-ids.ts";
import { PullDispatcher, type PullPort } from "../dispatch/pull-dispatcher.ts";
import { PushDispatcher, type PushPort } from "../dispatch/push-dispatcher.ts";
import type { RequestHead } from "../request/request-head.ts";
import { encodeEnviron } from "../wire/environ.ts";
import { ENTRIES_OFFSET, ENTRY_BYTES, RESPONSE_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "../wire/frame-types.ts";
import { encodeScope, encodeWebsocketScope } from "../wire/scope.ts";
import type { SpoolLimits } from "./byte-spool.ts";
import type { PoolLimits } from "./pool-limits.ts";
import type { WorkerLink } from "./worker-link.ts";
import type { WorkerRequest } from "./worker-request.ts";

/** Of a pushed request's body this much travels with its head, when it is all there; more waits until the application asks for it. */
const PUSHED_BODY_BYTES_MAX = 16384;
/** Bytes that wait for a worker that does not read: beyond it others get its requests, or they stay in the queue. A blocked event loop shall not fill memory. */
const UNSENT_BYTES_MAX = 1024 * 1024;

export interface Serving {
  readonly dispatcher: Dispatcher;
  /** Workers have an event loop: bodies and answers stream with back-pressure up to the application, and silence is measured by PING. */
  readonly pushed: boolean;
  readonly requestSpool: SpoolLimits;
  readonly responseSpool: SpoolLimits;
  /** Body bytes of an answer that a worker may send before any is taken. */
  readonly responseWindowBytes: number;
  /**
   * The head as these workers read it.
   *
   * @throws {ProtocolError} for a request that they cannot be given.
   */
  encode(head: RequestHead): string;
  /** The same for a WebSocket's handshake; undefined where workers know no WebSockets, and a handshake is a request like any other. */
  readonly encodeWebsocket: ((head: RequestHead) => string) | undefined;
  /** New settings. */
  change(limits: PoolLimits): void;
  /** Body bytes that may travel with a head of so many bytes. */
  inlineRoom(headBytes: number): number;
  callAfter(this: void, delayMs: number, callback: () => void): void;
}

/** Makes a `Serving` for a pool. @param links  The pool's channels, by worker. */
export type ServingFactory = (links: ReadonlyMap<number, WorkerLink>) => Serving;

export function pullServing(port: PullPort, limits: PoolLimits): ServingFactory {
  return () => {
    const dispatcher = new PullDispatcher(port, limits.lookAhead);
    let now = limits;
    return {
      dispatcher,
      pushed: false,
      get requestSpool() {
        return now.requestSpool;
      },
      get responseSpool() {
        return now.responseSpool;
      },
      responseWindowBytes: RESPONSE_WINDOW_BYTES,
      encode: (head) => encodeEnviron(head, now.scriptName),
      encodeWebsocket: undefined,
      change: (next) => {
        now = next;
        dispatcher.lookAhead = next.lookAhead;
      },
      inlineRoom: (headBytes) => port.slotCapacity - headBytes,
      callAfter: (delayMs, callback) => port.callAfter(delayMs, callback),
    };
  };
}

/**
 * @param slotsFd  Slot memory: behind the slots are the entries that workers write.
 * @param ids      Of these entries.
 * @param speaks   What the applications are written for.
 */
export function pushServing(slotsFd: number, ids: EntryIds, limits: PoolLimits, speaks: "asgi" | "wsgi"): ServingFactory {
  return (links) => {
    const dispatcher = new PushDispatcher(new ChannelPushPort(slotsFd, links), limits.workerConnections, limits.now, ids);
    let now = spooledInMemory(limits);
    return {
      dispatcher,
      pushed: true,
      get requestSpool() {
        return now.requestSpool;
      },
      get responseSpool() {
        return now.responseSpool;
      },
      responseWindowBytes: STREAM_WINDOW_BYTES,
      encode: speaks === "asgi" ? (head) => encodeScope(head, now.rootPath) : (head) => encodeEnviron(head, now.scriptName),
      encodeWebsocket: speaks === "asgi" ? (head) => encodeWebsocketScope(head, now.rootPath) : undefined,
      change: (next) => {
        now = spooledInMemory(next);
        dispatcher.perWorker = next.workerConnections;
      },
      inlineRoom: () => PUSHED_BODY_BYTES_MAX,
      callAfter: (delayMs, callback) => {
        setTimeout(callback, delayMs);
      },
    };
  };
}

function spooledInMemory(limits: PoolLimits): PoolLimits {
  return { ...limits, requestSpool: inMemory(limits.requestSpool), responseSpool: inMemory(limits.responseSpool) };
}

/** What the other side does not take stays in memory, and little of it: the application, or the client, is to wait. */
function inMemory(limits: SpoolLimits): SpoolLimits {
  return { ...limits, memoryBytes: Math.min(limits.memoryBytes, STREAM_WINDOW_BYTES), fileBytes: 0 };
}

class ChannelPushPort implements PushPort {
  readonly #slotsFd: number;
  readonly #links: ReadonlyMap<number, WorkerLink>;
  readonly #entry = Buffer.alloc(ENTRY_BYTES);

  constructor(slotsFd: number, links: ReadonlyMap<number, WorkerLink>) {
    this.#slotsFd = slotsFd;
    this.#links = links;
  }

  push(worker: number, job: Job): void {
    const link = this.#links.get(worker);
    // Its channel's end is about to be reported, which gives the request to another.
    if (link === undefined) return;
    // Every job of the pool's dispatcher is a WorkerRequest.
    const request = job as WorkerRequest;
    link.request(job.id, job.environ, job.inlineBody, request.flags);
    request.pushedTo(link);
  }

  takes(worker: number): boolean {
    const link = this.#links.get(worker);
    return link?.open === true && link.unsentBytes <= UNSENT_BYTES_MAX;
  }

  readEntry(entry: number): number {
    readSync(this.#slotsFd, this.#entry, 0, ENTRY_BYTES, ENTRIES_OFFSET + entry * ENTRY_BYTES);
    return this.#entry.readUInt32LE(0);
  }
}
