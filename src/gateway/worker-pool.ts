/**
 * The inside of the gateway: takes requests from any protocol, gives them to workers, and brings the answers back.
 */

import type { Dispatcher, RunningJob } from "../dispatch/dispatcher.ts";
import type { Completion, RequestStream, WebsocketHandshake } from "../request/exchange.ts";
import { PROTOCOL_ERRORS, ProtocolError, REFUSAL_FIELD_LINES } from "../request/protocol-error.ts";
import { FROM_WORKER } from "../wire/frame-types.ts";
import { FrameError, type FrameView } from "../wire/frames.ts";
import { laneNumber } from "../wire/lane-number.ts";
import type { SpoolLimits } from "./byte-spool.ts";
import { Heartbeats } from "./heartbeats.ts";
import { describeHoldings, type PoolHoldings, summaryOf, TARGET_SHOWN_MAX } from "./holdings.ts";
import type { TimeLimit } from "./limits-from-settings.ts";
import { LONG_REQUEST_MS, type LoadCharacter } from "./load-character.ts";
import { RequestLimits, type RequestTimes } from "./request-limits.ts";
import type { Serving, ServingFactory } from "./serving.ts";
import { SharedMessage } from "./shared-message.ts";
import type { ApplicationEnd } from "./taken-connection.ts";
import { TakenOnTheirWay } from "./taken-on-their-way.ts";
import { Websockets } from "./websockets.ts";
import { WorkerLanes } from "./worker-lanes.ts";
import { type LinkHandler, WorkerLink } from "./worker-link.ts";
import type { LateLimit, WorkerReport } from "./worker-report.ts";
import { type RequestOwner, WorkerRequest } from "./worker-request.ts";

export interface PoolLimits {
  /** Monotonic now, milliseconds: the clock that workers write into slots. */
  readonly now: () => number;
  readonly lookAhead: number;
  /** SCRIPT_NAME of the process environment. */
  readonly scriptName: string;
  /** `root_path` of ASGI scopes. */
  readonly rootPath: string;
  /** Of a WebSocket message, inflated. */
  readonly messageBytesMax: number;
  /** Requests that one event loop may have at once. */
  readonly workerConnections: number;
  /** The access log says how long requests wait. */
  readonly timesQueue?: boolean;
  readonly requestBuffering: boolean;
  readonly bodyWaitMs: number;
  /** 0: requests wait for ever. */
  readonly queueTimeoutMs: number;
  /** 0: the application may take for ever. */
  readonly timeoutMs: number;
  /** Of one request in the application. */
  readonly requestTimes: RequestTimes;
  readonly retriesSafe: boolean;
  readonly requestSpool: SpoolLimits;
  readonly responseSpool: SpoolLimits;
}

/** A line of the log says how long its request has waited: to the millisecond. */
const SHOWN_WAIT_MS = 1;
/**
 * A request that was answered sooner after its ticket than this has waited in the pipe for a millisecond or little more. The counters do
 * not look that up, for each of the requests that are many.
 */
const COUNTED_WAIT_MS = 5;

/** What the pool tells the arbiter, and the log. */
export interface PoolReport extends WorkerReport {
  warn(text: string): void;
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void;
  /** A request waits no more for a worker: it has been with one, or its time was over. */
  waited(durationMs: number): void;
  /** An error that should not have been possible. */
  fault(error: unknown): void;
  /** What became of a request that no worker can log. */
  unclaimed(completion: Completion): void;
}

export class WorkerPool implements LinkHandler, RequestOwner {
  readonly responseWindowBytes: number;
  readonly tellsFin: boolean;
  readonly websockets: Websockets;
  retriesSafe: boolean;
  /** Gets what waits here once nobody is left who could take it. */
  successor: WorkerPool | undefined;
  readonly #requestLimits: RequestLimits;
  #limits: PoolLimits;
  readonly #report: PoolReport;
  readonly #serving: Serving;
  readonly #dispatcher: Dispatcher;
  readonly #hearts: Heartbeats;
  /** By the lane's number. */
  readonly #links = new Map<number, WorkerLink>();
  readonly #lanes: WorkerLanes;
  /** The channels on which workers want to hear what became of their requests, by worker. */
  readonly #reporters = new Map<number, WorkerLink>();
  readonly #gathering = new Set<WorkerRequest>();
  /** Requests that are pushed as soon as this turn's bytes are read. */
  #ofThisTurn: WorkerRequest[] = [];
  /** Requests that the arbiter has been told of, because their worker is silent. */
  readonly #overdue = new WeakSet<WorkerRequest>();
  readonly #connections = new TakenOnTheirWay<WorkerRequest>();
  #held = 0;
  #answers = 0;
  /** Requests that workers have answered whose channels are gone. */
  #answeredByLost = 0;

  constructor(makeServing: ServingFactory, limits: PoolLimits, report: PoolReport) {
    this.#limits = limits;
    this.#report = report;
    this.#serving = makeServing(this.#links);
    const { responseWindowBytes, pushed, dispatcher } = this.#serving;
    this.responseWindowBytes = responseWindowBytes;
    this.tellsFin = pushed;
    this.websockets = new Websockets(limits.messageBytesMax);
    this.retriesSafe = limits.retriesSafe;
    this.#requestLimits = new RequestLimits(limits.requestTimes, (...late) => this.#tellLate(...late));
    this.#dispatcher = dispatcher;
    this.#hearts = new Heartbeats(limits.timeoutMs);
    this.#lanes = new WorkerLanes(report, this.#serving.callAfter);
  }

  get requestSpool(): SpoolLimits {
    return this.#serving.requestSpool;
  }

  get responseSpool(): SpoolLimits {
    return this.#serving.responseSpool;
  }

  /** New settings, for what begins from now on. */
  change(limits: PoolLimits): void {
    this.#limits = limits;
    this.#serving.change(limits);
    this.#hearts.timeoutMs = limits.timeoutMs;
    this.websockets.messageBytesMax = limits.messageBytesMax;
    this.retriesSafe = limits.retriesSafe;
    this.#requestLimits.change(limits.requestTimes);
  }

  /** Requests held: being gathered, waiting, or with a worker. */
  get held(): number {
    return this.#held;
  }

  /** Requests waiting for a worker in the gateway. */
  get queued(): number {
    return this.#dispatcher.queued;
  }

  /** Lanes that take requests. */
  get workers(): number {
    return this.#dispatcher.workers;
  }

  /** Of workers with an event loop: how long they let a PING wait. */
  get workerLagsMs(): [number, number][] {
    return this.#hearts.lagsMs(this.#limits.now());
  }

  /** Takes a request from a protocol. */
  handle(stream: RequestStream): void {
    const { encodeWebsocket } = this.#serving;
    const handshake = encodeWebsocket && stream.websocket;
    let environ: string;
    try {
      if (handshake === undefined) environ = this.#serving.encode(stream.head);
      else {
        handshake.check();
        environ = encodeWebsocket!(stream.head);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { status, reason } = PROTOCOL_ERRORS[error.code];
      this.#report.warn(`Invalid request from ip=${stream.head.peer.remoteAddress}: ${error.message}`);
      stream.sink.refuse(status, reason, error.pageText, REFUSAL_FIELD_LINES[error.code]);
      return;
    }
    const loading = handshake && this.websockets.load();
    if (loading === undefined) this.#begin(stream, environ, handshake);
    else this.#beginAfter(loading, stream, () => this.#begin(stream, environ, handshake));
  }

  /** The first handshake waits a moment; its client may leave meanwhile. */
  #beginAfter(loading: Promise<void>, stream: RequestStream, begin: () => void): void {
    let left = false;
    stream.onClientLeft = () => {
      left = true;
    };
    loading.then(() => left || begin()).catch((error: unknown) => this.onFault(error));
  }

  #begin(stream: RequestStream, environ: string, handshake: WebsocketHandshake | undefined): void {
    this.#held++;
    const request = new WorkerRequest(stream, environ, this, handshake);
    if (stream.head.framing.kind !== "none") this.#gathering.add(request);
    if (!this.#serving.pushed) {
      stream.allowBody();
      request.begin(this.#limits.requestBuffering);
      return;
    }
    request.begin(true);
    if (this.#gathering.has(request)) this.#pushAfterThisTurn(request);
  }

  /** A body that came together with its head goes to the worker with it; for a later one nobody waits. */
  #pushAfterThisTurn(request: WorkerRequest): void {
    this.#ofThisTurn.push(request);
    if (this.#ofThisTurn.length > 1) return;
    setImmediate(() => {
      const begun = this.#ofThisTurn;
      this.#ofThisTurn = [];
      for (const one of begun) if (this.#gathering.has(one)) one.stopGathering();
    });
  }

  enqueue(request: WorkerRequest): void {
    this.#gathering.delete(request);
    if (this.successor !== undefined && this.workers === 0) {
      this.#held--;
      this.successor.#adopt(request);
      return;
    }
    request.queuedMs = this.#limits.now();
    request.settleBody(this.#serving.inlineRoom(request.environ.length));
    this.#dispatcher.submit(request);
  }

  startedMs(id: number): number | undefined {
    return this.#limits.timesQueue === true ? this.#dispatcher.startedMs(id, this.#limits.now(), SHOWN_WAIT_MS) : undefined;
  }

  tryAgain(request: WorkerRequest): void {
    const { method, target, requestId } = request.stream.head;
    const named = requestId === undefined ? "" : ` id=${requestId}`;
    this.#report.warn(`request tried again after its worker died method=${method} target=${target.slice(0, TARGET_SHOWN_MAX)}${named}`);
    request.queuedMs = this.#limits.now();
    this.#dispatcher.submit(request);
  }

  withdraw(request: WorkerRequest): boolean {
    return this.#gathering.delete(request) || this.#dispatcher.withdraw(request);
  }

  left(): void {
    this.#held--;
  }

  /** The channel of a worker's lane has come from the nursery. */
  addLane(worker: number, lane: number, pid: number, handle: unknown, generation = 0): void {
    const number = laneNumber(worker, lane);
    // Numbers are never used twice. Should one be, what the old channel held is decided before the new one counts.
    this.#links.get(number)?.giveUp("its number was given to another worker");
    const link = new WorkerLink(number, pid, handle, this, worker, generation);
    this.#links.set(number, link);
    this.#lanes.add(link);
  }

  /** An application's way to the client of a stream has come from the nursery. */
  takeOver(stream: number, application: ApplicationEnd): void {
    const request = (this.#dispatcher.find(stream) as WorkerRequest | undefined) ?? this.#connections.find(stream);
    if (request === undefined) application.destroy();
    else request.takeOver(application);
    this.#connections.arrived(stream);
  }

  stopWorker(worker: number): void {
    // Where requests are pushed, STOP says that none follows.
    if (this.#serving.pushed) this.#dispatcher.workerLeaving(laneNumber(worker, 0));
    this.#lanes.stop(worker);
  }

  onDrain(): void {
    this.flush();
  }

  reportCompleted({ worker }: WorkerLink, id: number, completion: Completion): void {
    const reporter = this.#reporters.get(worker);
    if (reporter?.open === true) reporter.completed(id, completion.status, completion.bodyBytes, completion.durationUs);
    else this.#report.unclaimed(completion);
  }

  reportUnclaimed(completion: Completion): void {
    this.#report.unclaimed(completion);
  }

  /** A worker wants reports on this channel, or no more; what was reported before has left by then. */
  #onReports(link: WorkerLink, wanted: boolean): void {
    if (wanted) this.#reporters.set(link.worker, link);
    else {
      this.#reporters.delete(link.worker);
      link.reportsEnd();
    }
  }

  /** A request of a pool that has no workers any more. */
  #adopt(request: WorkerRequest): void {
    this.#held++;
    try {
      request.moveTo(this, this.#serving.encode(request.stream.head));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { status, reason } = PROTOCOL_ERRORS[error.code];
      request.refuse(status, reason, error.pageText);
      return;
    }
    this.enqueue(request);
  }

  #handOver(): void {
    if (this.successor === undefined || this.workers > 0) return;
    // Every job of the pool's dispatcher is a WorkerRequest.
    for (const request of this.#dispatcher.withdrawOlderThan(Number.POSITIVE_INFINITY) as WorkerRequest[]) this.enqueue(request);
  }

  /** Moves queued requests on; called by the port once per turn in which work came. */
  flush(): void {
    this.#dispatcher.flush(this.#limits.now());
    this.#handOver();
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
        if (!request.onTaken()) this.#connections.await(request, this.#limits.now());
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
        if (this.#serving.pushed && this.#lanes.isStopped(link.worker)) return;
        this.#dispatcher.workerReady(link.number, link.worker);
        if (this.#serving.pushed) this.#hearts.watch(link, this.#limits.now());
        this.#lanes.ready(link);
        return;
      case FROM_WORKER.leaving:
        this.#dispatcher.workerLeaving(link.number);
        if (this.#serving.pushed) link.stop();
        this.websockets.workerLeaving(link);
        this.#lanes.leaving(link);
        return;
      case FROM_WORKER.textToMany:
      case FROM_WORKER.binaryToMany:
        this.#onMessageToMany(frame);
        return;
      case FROM_WORKER.reports:
        this.#onReports(link, frame.readUInt32() !== 0);
        return;
      case FROM_WORKER.pong:
        this.#hearts.answered(link, this.#limits.now());
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

  /** The worker has sent the last of its response: its slot is free, the client may still be reading. */
  #finish(link: WorkerLink, request: WorkerRequest): void {
    this.#answers++;
    link.answers++;
    const startedMs = this.#dispatcher.startedMs(request.id, this.#limits.now(), COUNTED_WAIT_MS);
    if (startedMs !== undefined) this.#report.waited(startedMs - request.queuedMs);
    request.endedBy(link);
    this.#dispatcher.finished(request.id);
    this.left();
  }

  onLost(link: WorkerLink, reason: string | undefined): void {
    if (this.#links.get(link.number) === link) this.#links.delete(link.number);
    if (this.#reporters.get(link.worker) === link) this.#reporters.delete(link.worker);
    this.#hearts.forget(link);
    this.#answeredByLost += link.answers;
    if (reason !== undefined) this.#report.warn(`worker channel closed worker=${link.worker} pid=${link.pid} reason="${reason}"`);
    const now = this.#limits.now();
    const lost = this.#dispatcher.workerLost(link.number, reason !== undefined);
    this.#lanes.lost(
      link,
      lost.map((job) => summaryOf(job as WorkerRequest, now - (job as WorkerRequest).arrivedMs)),
    );
    this.#handOver();
  }

  onFault(error: unknown): void {
    this.#report.fault(error);
  }

  /** @returns  Whether short requests are all there is, and many, since the last call. */
  judgeLoad(load: LoadCharacter): boolean {
    const now = this.#limits.now();
    const answers = this.#answers;
    this.#answers = 0;
    return load.judge(now, answers, this.#dispatcher.hasOpenSince(now - LONG_REQUEST_MS));
  }

  /** What it holds, for whoever asks the arbiter. @param requestsMax  Of the list. */
  holdings(requestsMax: number): PoolHoldings {
    const links = [...this.#links.values()];
    return describeHoldings(this.#limits.now(), requestsMax, links, this.#gathering, this.#dispatcher, this.#hearts, this.#answeredByLost);
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(): void {
    const now = this.#limits.now();
    this.#handOver();
    this.#connections.sweep(now);
    this.#hearts.sweep(now, (link, silentMs) => this.#onSilent(link, silentMs, now));
    for (const request of this.#gathering) {
      if (now - request.arrivedMs >= this.#limits.bodyWaitMs) request.bodyWaitOver(now);
    }
    if (this.#limits.queueTimeoutMs > 0) {
      const expired = this.#dispatcher.withdrawOlderThan(now - this.#limits.queueTimeoutMs) as WorkerRequest[];
      for (const request of expired) {
        this.#report.limitReached("queue-timeout", this.#limits.queueTimeoutMs, request.stream.head.peer.remoteAddress);
        this.#report.waited(now - request.queuedMs);
        request.expire(Math.ceil(this.#limits.queueTimeoutMs / 1000));
      }
    }
    if (this.#limits.timeoutMs > 0) this.#findOverdue(now);
    this.#requestLimits.sweep(now, this.#dispatcher);
  }

  #tellLate({ job, worker: lane, ageMs }: RunningJob, limit: LateLimit, first: boolean): void {
    const link = this.#links.get(lane);
    if (link !== undefined) this.#report.late(link.worker, limit, first, summaryOf(job as WorkerRequest, ageMs));
  }

  #onSilent(link: WorkerLink, silentMs: number, now: number): void {
    const held = this.#dispatcher.heldBy(link.number);
    this.#lanes.overdue(link.worker, silentMs, held && summaryOf(held as WorkerRequest, now - (held as WorkerRequest).arrivedMs));
  }

  #findOverdue(now: number): void {
    for (const { job, worker: lane, silentMs } of this.#dispatcher.overdue(now, this.#limits.timeoutMs)) {
      const request = job as WorkerRequest;
      const link = this.#links.get(lane);
      if (this.#overdue.has(request) || link === undefined) continue;
      this.#overdue.add(request);
      request.late = true;
      this.#lanes.overdue(link.worker, silentMs, summaryOf(job as WorkerRequest, silentMs));
    }
  }
}
