/**
 * The inside of the gateway: takes requests from any protocol, gives them to workers, and brings the answers back.
 */

import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Completion, RequestStream, WebsocketHandshake } from "../request/exchange.ts";
import { PROTOCOL_ERRORS, ProtocolError, REFUSAL_FIELD_LINES } from "../request/protocol-error.ts";
import type { RequestHead } from "../request/request-head.ts";
import type { SpoolLimits } from "./byte-spool.ts";
import { describeHoldings, type PoolHoldings, TARGET_SHOWN_MAX } from "./holdings.ts";
import { LONG_REQUEST_MS, type LoadCharacter } from "./load-character.ts";
import { PoolDeadlines } from "./pool-deadlines.ts";
import type { PoolLimits } from "./pool-limits.ts";
import type { PoolReport } from "./pool-report.ts";
import type { Serving, ServingFactory } from "./serving.ts";
import type { ApplicationEnd } from "./taken-connection.ts";
import { Websockets } from "./websockets.ts";
import { type ChannelsOwner, WorkerChannels } from "./worker-channels.ts";
import type { WorkerLink } from "./worker-link.ts";
import { type RequestOwner, WorkerRequest } from "./worker-request.ts";

/** A line of the log says how long its request has waited: to the millisecond. */
const SHOWN_WAIT_MS = 1;

export class WorkerPool implements RequestOwner, ChannelsOwner {
  readonly responseWindowBytes: number;
  readonly tellsFin: boolean;
  readonly websockets: Websockets;
  retriesSafe: boolean;
  /** Gets what waits here once nobody is left who could take it. */
  successor: WorkerPool | undefined;
  #limits: PoolLimits;
  readonly #report: PoolReport;
  readonly #serving: Serving;
  readonly #dispatcher: Dispatcher;
  readonly #channels: WorkerChannels;
  readonly #deadlines: PoolDeadlines;
  /** Requests whose body is coming. */
  readonly #gathering = new Set<WorkerRequest>();
  /** Requests that are pushed as soon as this turn's bytes are read. */
  #ofThisTurn: WorkerRequest[] = [];
  #held = 0;
  /** Stands for the way in which heads are encoded: another one for each of the settings. */
  #encoder = {};

  constructor(makeServing: ServingFactory, limits: PoolLimits, report: PoolReport) {
    this.#limits = limits;
    this.#report = report;
    const links = new Map<number, WorkerLink>();
    this.#serving = makeServing(links);
    const { responseWindowBytes, pushed, dispatcher } = this.#serving;
    this.responseWindowBytes = responseWindowBytes;
    this.tellsFin = pushed;
    this.websockets = new Websockets(limits.messageBytesMax);
    this.retriesSafe = limits.retriesSafe;
    this.#dispatcher = dispatcher;
    this.#channels = new WorkerChannels(links, this.#serving, limits, this, report);
    this.#deadlines = new PoolDeadlines(limits, dispatcher, this.#channels, this.#gathering, report);
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
    this.#encoder = {};
    this.#deadlines.change(limits);
    this.websockets.messageBytesMax = limits.messageBytesMax;
    this.retriesSafe = limits.retriesSafe;
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
    return this.#channels.hearts.lagsMs(this.#limits.now());
  }

  /** Takes a request from a protocol. */
  handle(stream: RequestStream): void {
    const { encodeWebsocket } = this.#serving;
    const handshake = encodeWebsocket && stream.websocket;
    let environ: string;
    try {
      if (handshake === undefined) environ = this.#encode(stream.head);
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

  #encode(head: RequestHead): string {
    if (head.encoded === undefined) return this.#serving.encode(head);
    return head.encoded.get(this.#encoder, head.names, () => this.#serving.encode(head));
  }

  /** The first handshake waits a moment; its client may leave meanwhile. */
  #beginAfter(loading: Promise<void>, stream: RequestStream, begin: () => void): void {
    let left = false;
    stream.onClientLeft = () => {
      left = true;
    };
    loading.then(() => left || begin()).catch((error: unknown) => this.#report.fault(error));
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
    this.#channels.addLane(worker, lane, pid, handle, generation);
  }

  /** An application's way to the client of a stream has come from the nursery. */
  takeOver(stream: number, application: ApplicationEnd): void {
    this.#channels.takeOver(stream, application);
  }

  stopWorker(worker: number): void {
    this.#channels.stop(worker);
  }

  reportCompleted({ worker }: WorkerLink, id: number, completion: Completion): void {
    const reporter = this.#channels.reporterOf(worker);
    if (reporter?.open === true) reporter.completed(id, completion.status, completion.bodyBytes, completion.durationUs);
    else this.#report.unclaimed(completion);
  }

  reportUnclaimed(completion: Completion): void {
    this.#report.unclaimed(completion);
  }

  /** A request of a pool that has no workers any more. */
  #adopt(request: WorkerRequest): void {
    this.#held++;
    try {
      request.moveTo(this, this.#encode(request.stream.head));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { status, reason } = PROTOCOL_ERRORS[error.code];
      request.refuse(status, reason, error.pageText);
      return;
    }
    this.enqueue(request);
  }

  /** Without workers that could take them, requests go to the successor. */
  handOver(): void {
    if (this.successor === undefined || this.workers > 0) return;
    // Every job of the pool's dispatcher is a WorkerRequest.
    for (const request of this.#dispatcher.withdrawOlderThan(Number.POSITIVE_INFINITY) as WorkerRequest[]) this.enqueue(request);
  }

  /** Moves queued requests on; called by the port once per turn in which work came. */
  flush(): void {
    this.#dispatcher.flush(this.#limits.now());
    this.handOver();
  }

  /** @returns  Whether short requests are all there is, and many, since the last call. */
  judgeLoad(load: LoadCharacter): boolean {
    const now = this.#limits.now();
    return load.judge(now, this.#channels.takeAnswers(), this.#dispatcher.hasOpenSince(now - LONG_REQUEST_MS));
  }

  /** What it holds, for whoever asks the arbiter. @param requestsMax  Of the list. */
  holdings(requestsMax: number): PoolHoldings {
    const { links, hearts, answeredByLost } = this.#channels;
    return describeHoldings(
      this.#limits.now(),
      requestsMax,
      [...links.values()],
      this.#gathering,
      this.#dispatcher,
      hearts,
      answeredByLost,
    );
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(): void {
    const now = this.#limits.now();
    this.handOver();
    this.#channels.sweep(now);
    this.#deadlines.sweep(now);
  }
}
