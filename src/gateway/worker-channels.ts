/** The channels of a pool's workers: each frame that comes is brought to the request, or to whatever part of the pool it concerns. */

import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { FROM_WORKER } from "../wire/frame-types.ts";
import { FrameError, type FrameView } from "../wire/frames.ts";
import { laneNumber } from "../wire/lane-number.ts";
import { Heartbeats } from "./heartbeats.ts";
import { summaryOf } from "./holdings.ts";
import type { PoolLimits } from "./pool-limits.ts";
import type { PoolReport } from "./pool-report.ts";
import type { Serving } from "./serving.ts";
import { SharedMessage } from "./shared-message.ts";
import type { ApplicationEnd } from "./taken-connection.ts";
import { TakenOnTheirWay } from "./taken-on-their-way.ts";
import type { Websockets } from "./websockets.ts";
import { WorkerLanes } from "./worker-lanes.ts";
import { type LinkHandler, WorkerLink } from "./worker-link.ts";
import type { WorkerRequest } from "./worker-request.ts";

/** The pool. */
export interface ChannelsOwner {
  readonly websockets: Websockets;
  /** A worker has ended its request. */
  left(): void;
  /** Queued requests may be moved on. */
  flush(): void;
  /** A worker has gone, perhaps the last one. */
  handOver(): void;
}

/**
 * A request that was answered sooner after its ticket than this has waited in the pipe for a millisecond or little more. The counters do
 * not look that up, for each of the requests that are many.
 */
const COUNTED_WAIT_MS = 5;

export class WorkerChannels implements LinkHandler {
  /** By the lane's number. */
  readonly links: Map<number, WorkerLink>;
  readonly lanes: WorkerLanes;
  readonly hearts: Heartbeats;
  /** The channels on which workers want to hear what became of their requests, by worker. */
  readonly #reporters = new Map<number, WorkerLink>();
  readonly #connections = new TakenOnTheirWay<WorkerRequest>();
  readonly #owner: ChannelsOwner;
  readonly #report: PoolReport;
  readonly #dispatcher: Dispatcher;
  readonly #pushed: boolean;
  readonly #now: () => number;
  #answers = 0;
  /** Requests that workers have answered whose channels are gone. */
  #answeredByLost = 0;

  /** @param links  Empty; the serving has it too. */
  constructor(links: Map<number, WorkerLink>, serving: Serving, limits: PoolLimits, owner: ChannelsOwner, report: PoolReport) {
    this.links = links;
    this.#owner = owner;
    this.#report = report;
    this.#dispatcher = serving.dispatcher;
    this.#pushed = serving.pushed;
    this.#now = limits.now;
    this.hearts = new Heartbeats(limits.timeoutMs);
    this.lanes = new WorkerLanes(report, serving.callAfter);
  }

  /** Requests that workers have answered whose channels are gone. */
  get answeredByLost(): number {
    return this.#answeredByLost;
  }

  /** Requests that workers have answered since the last call. */
  takeAnswers(): number {
    const answers = this.#answers;
    this.#answers = 0;
    return answers;
  }

  /** Where a worker wants to hear what became of its requests; undefined: it does not. */
  reporterOf(worker: number): WorkerLink | undefined {
    return this.#reporters.get(worker);
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(now: number): void {
    this.#connections.sweep(now);
  }

  /** The channel of a worker's lane has come from the nursery. */
  addLane(worker: number, lane: number, pid: number, handle: unknown, generation = 0): void {
    const number = laneNumber(worker, lane);
    // Numbers are never used twice. Should one be, what the old channel held is decided before the new one counts.
    this.links.get(number)?.giveUp("its number was given to another worker");
    const link = new WorkerLink(number, pid, handle, this, worker, generation);
    this.links.set(number, link);
    this.lanes.add(link);
  }

  /** An application's way to the client of a stream has come from the nursery. */
  takeOver(stream: number, application: ApplicationEnd): void {
    const request = (this.#dispatcher.find(stream) as WorkerRequest | undefined) ?? this.#connections.find(stream);
    if (request === undefined) application.destroy();
    else request.takeOver(application);
    this.#connections.arrived(stream);
  }

  /** A worker is to leave. */
  stop(worker: number): void {
    // Where requests are pushed, STOP says that none follows.
    if (this.#pushed) this.#dispatcher.workerLeaving(laneNumber(worker, 0));
    this.lanes.stop(worker);
  }

  // --- from the links ----------------------------------------------------------------------------------------------

  onDrain(): void {
    this.#owner.flush();
  }

  onFrame(link: WorkerLink, frame: FrameView): void {
    if (frame.stream === 0) {
      this.#onChannelFrame(link, frame);
      return;
    }
    // Every job of this dispatcher is a WorkerRequest: `enqueue` is the only caller of `submit`.
    const request = this.#dispatcher.find(frame.stream) as WorkerRequest | undefined;
    if (request === undefined) {
      this.#onStrayFrame(link, frame);
      return;
    }
    switch (frame.type) {
      case FROM_WORKER.response:
        // Not before: a frame that breaks the contract throws, and the request is then lost with its worker.
        request.onResponse(link, frame);
        this.#finish(link, request);
        return;
      case FROM_WORKER.head:
        request.onHead(link, frame);
        return;
      case FROM_WORKER.body:
        request.onBody(frame);
        return;
      case FROM_WORKER.end:
        this.#finish(link, request);
        request.onEnd(frame.fieldLines);
        return;
      case FROM_WORKER.abort:
        this.#finish(link, request);
        request.onAbort();
        return;
      case FROM_WORKER.taken:
        this.#finish(link, request);
        if (!request.onTaken()) this.#connections.await(request, this.#now());
        return;
      case FROM_WORKER.file:
        request.onFile(link, frame, () => this.#finish(link, request));
        return;
      case FROM_WORKER.hints:
        request.onHints(frame);
        return;
      case FROM_WORKER.text:
      case FROM_WORKER.binary:
        request.onMessage(frame, frame.type === FROM_WORKER.binary);
        return;
      case FROM_WORKER.accept:
        if (request.onAccept(link, frame)) this.#dispatcher.outlasts(request.id);
        return;
      case FROM_WORKER.close:
        this.#finish(link, request);
        request.onClose(frame);
        return;
      case FROM_WORKER.credit:
        request.onCredit(link, frame);
        return;
      case FROM_WORKER.fetchHead:
        request.onFetchHead(link);
        return;
      default:
        throw new FrameError(`unknown frame type ${frame.type}`);
    }
  }

  /** The request is not known (any more): a worker that would wait for an answer is told so. */
  #onStrayFrame(link: WorkerLink, frame: FrameView): void {
    const { head, file, credit, fetchHead, accept } = FROM_WORKER;
    if (frame.type === head || frame.type === accept || frame.type === file || frame.type === credit || frame.type === fetchHead)
      link.cancel(frame.stream);
  }

  #onChannelFrame(link: WorkerLink, frame: FrameView): void {
    switch (frame.type) {
      case FROM_WORKER.ready:
        // It was told to leave while it booted: nothing is pushed behind a STOP. One that pulls takes nothing that it would not serve.
        if (this.#pushed && this.lanes.isStopped(link.worker)) return;
        this.#dispatcher.workerReady(link.number, link.worker);
        if (this.#pushed) this.hearts.watch(link, this.#now());
        this.lanes.ready(link);
        return;
      case FROM_WORKER.leaving:
        this.#dispatcher.workerLeaving(link.number);
        if (this.#pushed) link.stop();
        this.#owner.websockets.workerLeaving(link);
        this.lanes.leaving(link);
        return;
      case FROM_WORKER.textToMany:
      case FROM_WORKER.binaryToMany:
        this.#onMessageToMany(frame);
        return;
      case FROM_WORKER.reports:
        this.#onReports(link, frame.readUInt32() !== 0);
        return;
      case FROM_WORKER.pong:
        this.hearts.answered(link, this.#now());
        return;
      default:
        throw new FrameError(`unknown channel frame type ${frame.type}`);
    }
  }

  #onMessageToMany(frame: FrameView): void {
    const message = new SharedMessage(frame.payload, frame.type === FROM_WORKER.binaryToMany);
    // Those that are over by now were when the message came for them alone.
    for (const stream of frame.streams) (this.#dispatcher.find(stream) as WorkerRequest | undefined)?.onSharedMessage(message);
  }

  /** A worker wants reports on this channel, or no more; what was reported before has left by then. */
  #onReports(link: WorkerLink, wanted: boolean): void {
    if (wanted) this.#reporters.set(link.worker, link);
    else {
      this.#reporters.delete(link.worker);
      link.reportsEnd();
    }
  }

  /** The worker has sent the last of its response: its slot is free, the client may still be reading. */
  #finish(link: WorkerLink, request: WorkerRequest): void {
    this.#answers++;
    link.answers++;
    const startedMs = this.#dispatcher.startedMs(request.id, this.#now(), COUNTED_WAIT_MS);
    if (startedMs !== undefined) this.#report.waited(startedMs - request.queuedMs);
    request.endedBy(link);
    this.#dispatcher.finished(request.id);
    this.#owner.left();
  }

  onLost(link: WorkerLink, reason: string | undefined): void {
    if (this.links.get(link.number) === link) this.links.delete(link.number);
    if (this.#reporters.get(link.worker) === link) this.#reporters.delete(link.worker);
    this.hearts.forget(link);
    this.#answeredByLost += link.answers;
    if (reason !== undefined) this.#report.warn(`worker channel closed worker=${link.worker} pid=${link.pid} reason="${reason}"`);
    const now = this.#now();
    const lost = this.#dispatcher.workerLost(link.number, reason !== undefined) as WorkerRequest[];
    this.lanes.lost(
      link,
      lost.map((request) => summaryOf(request, now - request.arrivedMs)),
    );
    this.#owner.handOver();
  }

  onFault(error: unknown): void {
    this.#report.fault(error);
  }
}
