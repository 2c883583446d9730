/** One request inside the gateway: from the protocol that brought it, through the queue, to the worker and back. */

import type { Job } from "../dispatch/dispatcher.ts";
import type { Completion, CompletionTaker, RequestStream, WebsocketHandshake } from "../request/exchange.ts";
import { MESSAGE_GOES_ON, TAKES_TRAILERS, WEBSOCKET } from "../wire/frame-types.ts";
import type { FrameView } from "../wire/frames.ts";
import { FrameError, parseClose, parseFileReference } from "../wire/frames.ts";
import { takesTrailers } from "../wire/scope.ts";
import type { SpoolLimits } from "./byte-spool.ts";
import { closeFile } from "./descriptors.ts";
import { FileSender, openReferencedFile } from "./file-sender.ts";
import { RequestBody } from "./request-body.ts";
import { ResponseRelay } from "./response-relay.ts";
import type { SharedMessage } from "./shared-message.ts";
import { type ApplicationEnd, TakenConnection } from "./taken-connection.ts";
import type { WebsocketSession } from "./websocket-session.ts";
import type { Websockets } from "./websockets.ts";
import type { WorkerLink } from "./worker-link.ts";

const NO_BODY = Buffer.alloc(0);
/** RFC 6455 §7.4.1: the server met a condition that it did not expect. */
const INTERNAL_ERROR = 1011;
const WORKER_DIED = Buffer.from("Worker died");
const MS_PER_SECOND = 1000;
/** Methods that are not meant to have effects: RFC 9110 §9.2.1. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
/** A body that comes more slowly than this holds no worker: half a megabit, below which an attack on all workers costs next to nothing. */
const WORKER_BYTES_PER_S_MIN = 65536;

/** What a request asks of the pool it is in. */
export interface RequestOwner {
  readonly requestSpool: SpoolLimits;
  readonly responseSpool: SpoolLimits;
  readonly responseWindowBytes: number;
  /** Workers want to know when a client sends nothing more. */
  readonly tellsFin: boolean;
  readonly websockets: Websockets;
  /** The body is gathered: the request may wait for a worker. */
  enqueue(request: WorkerRequest): void;
  /** Takes it out of the queue. @returns false when a worker may have it. */
  withdraw(request: WorkerRequest): boolean;
  /** It left without an answer of a worker. */
  left(): void;
  /** Safe requests are tried again (`retry_safe_requests`). */
  readonly retriesSafe: boolean;
  /** Its worker died with it, and another one may try: into the queue. */
  tryAgain(request: WorkerRequest): void;
  /** When a worker took it; undefined where nobody wants to know. */
  startedMs(id: number): number | undefined;
  /** Tells a worker what became of its request. */
  reportCompleted(link: WorkerLink, id: number, completion: Completion): void;
  /** No worker is left that could be told. */
  reportUnclaimed(completion: Completion): void;
}

export class WorkerRequest implements Job, CompletionTaker {
  readonly stream: RequestStream;
  environ: string;
  readonly arrivedMs: number;
  queuedMs = 0;
  inlineBody: Buffer | undefined;
  id = 0;
  /** It has taken too long: when it ends without an answer, that is a timeout, not a crash. */
  late = false;
  #owner: RequestOwner;
  #handshake: WebsocketHandshake | undefined;
  #websocket: WebsocketSession | undefined;
  readonly #body: RequestBody | undefined;
  #relay: ResponseRelay | undefined;
  #file: FileSender | undefined;
  #link: WorkerLink | undefined;
  #clientLeft = false;
  #finSeen = false;
  #hinted = false;
  #triedAgain = false;
  #cutShort = false;
  /** What became of it before its worker has sent the last of it. */
  #completion: Completion | undefined;
  /** No worker has it any more. */
  #lost = false;
  /** What the application has taken over; `refused`: there was nothing to take. */
  #taken: TakenConnection | "refused" | undefined;
  /** The pool has counted it out: a file that is opened only now is not sent any more. */
  #over = false;

  /**
   * @param environ    The marshalled head.
   * @param handshake  It asks for a WebSocket, which the worker may accept.
   */
  constructor(stream: RequestStream, environ: string, owner: RequestOwner, handshake?: WebsocketHandshake) {
    this.#handshake = handshake;
    this.stream = stream;
    this.environ = environ;
    this.arrivedMs = stream.arrivedMs;
    this.#owner = owner;
    if (stream.head.framing.kind === "none") this.inlineBody = NO_BODY;
    else {
      this.#body = new RequestBody(
        stream,
        owner.requestSpool,
        () => this.#owner.enqueue(this),
        () => this.#link?.cancel(this.id),
      );
    }
    stream.completionTaker = this;
    stream.onClientLeft = () => this.#abandon();
    stream.onClientFin = () => this.#onClientFin();
    stream.withdraw = () => this.id === 0 && this.#takeBack();
  }

  /** Of its REQUEST frame. */
  get flags(): number {
    if (this.#handshake !== undefined) return WEBSOCKET;
    return takesTrailers(this.stream.head) ? TAKES_TRAILERS : 0;
  }

  /** Its pool has no workers any more; another takes it, before any worker has had it. @param environ  The head as that one's workers read it. */
  moveTo(owner: RequestOwner, environ: string): void {
    this.#owner = owner;
    this.environ = environ;
    // Workers of the other kind know no WebSockets: it is a request like any other.
    this.#handshake = undefined;
    const { inlineBody } = this;
    if (this.#body === undefined || inlineBody === undefined) return;
    this.#body.putBack(inlineBody);
    this.inlineBody = undefined;
  }

  /** Nobody can be given it. */
  refuse(status: number, reason: string, text: string): void {
    this.#body?.destroy();
    this.#owner.left();
    this.stream.sink.refuse(status, reason, text);
  }

  /** Begins: at once without a body, else when the body has been gathered. @param buffering  false: the worker starts at once, as Gunicorn's does. */
  begin(buffering: boolean): void {
    if (this.#body === undefined) {
      this.#owner.enqueue(this);
      return;
    }
    if (!buffering) this.#body.stopGathering();
    this.stream.readBody(this.#body);
  }

  /** The worker starts with what has come. */
  stopGathering(): void {
    this.#body?.stopGathering();
  }

  /** The time for gathering is over: a body that comes fast enough to be worth a worker's time gets one. */
  bodyWaitOver(nowMs: number): void {
    const body = this.#body;
    if (body !== undefined && body.gatheredBytes >= ((nowMs - this.arrivedMs) / MS_PER_SECOND) * WORKER_BYTES_PER_S_MIN)
      body.stopGathering();
  }

  /** Puts a small body that is all there beside the head. @param maxBytes  Room in the slot. */
  settleBody(maxBytes: number): void {
    if (this.#body !== undefined) this.inlineBody = this.#body.takeWhole(maxBytes);
  }

  #takeBack(): boolean {
    if (!this.#owner.withdraw(this)) return false;
    this.#body?.destroy();
    this.#owner.left();
    return true;
  }

  /** The client has left. What no worker has is forgotten; a worker is told, and its answer is dropped. */
  #abandon(): void {
    this.#clientLeft = true;
    if (this.id === 0 && this.#takeBack()) return;
    this.#body?.destroy();
    this.#relay?.discard();
    this.#file?.discard();
    this.#link?.cancel(this.id);
  }

  #onClientFin(): void {
    this.#finSeen = true;
    if (!this.#owner.tellsFin) return;
    if (this.id !== 0 && !this.#over) this.#link?.clientFin(this.id);
  }

  /** The dispatcher has sent it to a worker. */
  pushedTo(link: WorkerLink): void {
    this.#linked(link);
    if (this.#finSeen) link.clientFin(this.id);
  }

  completed(completion: Completion): boolean {
    if (this.id === 0 || this.#lost) return false;
    // A worker that still has it may die of it, and its line with it.
    if (this.#link === undefined || !this.#over) this.#completion = completion;
    else this.#owner.reportCompleted(this.#link, this.id, completion);
    return true;
  }

  /** Its worker has sent the last of it. */
  endedBy(link: WorkerLink): void {
    this.#link = link;
    const completion = this.#completion;
    this.#completion = undefined;
    if (completion !== undefined) this.#owner.reportCompleted(link, this.id, completion);
  }

  #lose(): void {
    this.#lost = true;
    if (this.#completion !== undefined) this.#owner.reportUnclaimed(this.#completion);
    this.#completion = undefined;
  }

  #linked(link: WorkerLink): void {
    if (this.#link === link) return;
    this.#link = link;
    this.#noteStart(link);
    if (this.#clientLeft) link.cancel(this.id);
  }

  #noteStart(link: WorkerLink): void {
    const { stream } = this;
    stream.workerPid = link.pid;
    stream.workerGeneration = link.generation;
    stream.startedMs ??= this.#owner.startedMs(this.id);
  }

  onResponse(link: WorkerLink, frame: FrameView): void {
    this.#noteStart(link);
    this.#link = link;
    if (!this.#clientLeft && this.stream.sink.started) throw new FrameError("a second head for one request");
    this.#settle();
    if (!this.#clientLeft) this.stream.sink.respond(responseHead(frame), frame.payload);
    this.#endTaken();
  }

  onHead(link: WorkerLink, frame: FrameView): void {
    this.#linked(link);
    if (this.#clientLeft) return;
    if (this.stream.sink.started) throw new FrameError("a second head for one request");
    this.stream.sink.start(responseHead(frame));
    this.#relay = new ResponseRelay(
      this.stream.sink,
      this.#owner.responseSpool,
      (bytes) => link.credit(this.id, bytes),
      () => link.cancel(this.id),
      this.#owner.responseWindowBytes,
    );
    if (frame.payloadBytes > 0) this.#relay.push(frame.copyPayload());
  }

  onBody(frame: FrameView): void {
    if (!this.#clientLeft) this.#relay?.push(frame.copyPayload());
  }

  /** @param trailerLines  `"Digest: x\r\n"` */
  onEnd(trailerLines = ""): void {
    this.#settle();
    // Of a WebSocket it is the worker's answer to its end.
    if (this.#clientLeft || this.#websocket !== undefined) return;
    if (this.#relay !== undefined) this.#relay.end(trailerLines !== "" && takesTrailers(this.stream.head) ? trailerLines : "");
    else this.#refuseUnanswered();
    this.#endTaken();
  }

  onAbort(): void {
    this.#settle();
    if (this.#clientLeft || this.#websocket !== undefined) return;
    if (this.#relay !== undefined) this.#relay.abort();
    else this.#refuseUnanswered();
    this.#endTaken();
  }

  /** The application's way to the client has come from the nursery. */
  takeOver(application: ApplicationEnd): void {
    const taken = new TakenConnection(application);
    const tunnel = this.#clientLeft ? undefined : this.stream.takeOver(taken);
    if (tunnel === undefined) {
      this.#taken ??= "refused";
      application.destroy();
      return;
    }
    this.#taken = taken;
    taken.begin(tunnel);
  }

  /** Its worker has ended it: the application has answered by itself. @returns false when its way to the client is still to come. */
  onTaken(): boolean {
    this.#settle();
    if (this.#clientLeft) return true;
    if (this.#taken === "refused") this.#refuseUnanswered();
    this.#endTaken();
    return this.#taken !== undefined;
  }

  /** Behind the answer, if there is one: what the application has written comes before the end. */
  #endTaken(): void {
    if (this.#taken instanceof TakenConnection) this.#taken.requestOver();
  }

  /** What an application had taken over has been lost on its way. */
  onTakenLost(): void {
    if (!this.#clientLeft) this.#refuseUnanswered();
  }

  #settle(): void {
    this.#over = true;
    if (this.#body === undefined) return;
    this.#body.destroy();
    this.stream.dropBody();
  }

  /** The worker ended the request without a head: it was told to, because bytes of the body were lost, or it is broken. */
  #refuseUnanswered(): void {
    if (this.late) {
      this.#refuseLate();
      return;
    }
    this.stream.sink.refuse(502, "Bad Gateway", "The worker ended the request without an answer");
  }

  /** @returns false when nobody is there any more to whom it would matter. */
  onAccept(link: WorkerLink, frame: FrameView): boolean {
    this.#linked(link);
    if (this.#clientLeft) return false;
    // The session hears of it by itself.
    this.stream.onClientLeft = undefined;
    if (this.#handshake === undefined || this.stream.sink.started) throw new FrameError("an accept for a request that awaits none");
    this.#websocket = this.#owner.websockets.open(this.#handshake, link, this.id, frame.fieldLines);
    return true;
  }

  /** One piece of a message of the application. */
  onMessage(frame: FrameView, binary: boolean): void {
    if (this.#websocket === undefined && !this.#clientLeft) throw new FrameError("a message before its WebSocket was accepted");
    this.#websocket?.send(frame.payload, binary, (frame.flags & MESSAGE_GOES_ON) === 0);
  }

  /** A message of the application that others get too. */
  onSharedMessage(message: SharedMessage): void {
    if (this.#websocket === undefined && !this.#clientLeft) throw new FrameError("a message before its WebSocket was accepted");
    this.#websocket?.sendShared(message);
  }

  /** The application, or the worker for it, has closed the WebSocket. */
  onClose(frame: FrameView): void {
    this.#settle();
    const { code, reason } = parseClose(frame.copyPayload());
    this.#websocket?.close(code, reason, "application");
  }

  onHints(frame: FrameView): void {
    this.#hinted = true;
    if (!this.#clientLeft) this.stream.sink.informational(frame.status, frame.fieldLines);
  }

  /** @param onTaken  The response is the gateway's: the worker has no more to do with it. */
  onFile(link: WorkerLink, frame: FrameView, onTaken: () => void): void {
    this.#linked(link);
    const reference = parseFileReference(frame.copyPayload());
    const relay = this.#relay;
    if (relay === undefined && !this.#clientLeft) throw new FrameError("a file before the head of its response");
    openReferencedFile(reference, (fd) => {
      if (this.#over || this.#clientLeft || relay?.empty === false) {
        // Too late, or bytes stand before the file's: the worker sends it itself, if anybody is to have it.
        if (fd !== undefined) closeFile(fd);
        if (!this.#over) link.fileRefused(this.id);
        return;
      }
      if (fd === undefined) {
        link.fileRefused(this.id);
        return;
      }
      link.fileTaken(this.id);
      onTaken();
      this.#settle();
      this.#file = new FileSender(this.stream.sink, fd, reference.offset, reference.bytes);
      this.#endTaken();
    });
  }

  onCredit(link: WorkerLink, frame: FrameView): void {
    this.#linked(link);
    if (this.#websocket !== undefined) {
      this.#websocket.grant(frame.readUInt32());
      return;
    }
    this.stream.allowBody();
    this.#body?.grant(link, this.id, frame.readUInt32());
  }

  onFetchHead(link: WorkerLink): void {
    this.#linked(link);
    link.head(this.id, this.environ);
  }

  /** Its worker died with it: it may have had effects, so nobody else gets it, unless it is safe and the setting says so. */
  onWorkerLost(): void {
    if (this.#owner.retriesSafe && this.#mayBeTriedAgain()) {
      this.#triedAgain = true;
      this.id = 0;
      this.#link = undefined;
      this.#owner.tryAgain(this);
      return;
    }
    this.#lose();
    this.#settle();
    this.#owner.left();
    if (this.#clientLeft) return;
    if (this.#websocket !== undefined) this.#websocket.close(INTERNAL_ERROR, WORKER_DIED, "server");
    else if (this.#relay !== undefined) this.#relay.abort();
    else if (this.late) this.#refuseLate();
    else this.stream.sink.refuse(502, "Bad Gateway", "The worker died before it had answered");
    this.#endTaken();
  }

  /** Once: a request that kills its worker kills two at most. Not when a worker was slow in it, or had some of its body. */
  #mayBeTriedAgain(): boolean {
    const isSafe = SAFE_METHODS.has(this.stream.head.method);
    const isWhole = this.inlineBody !== undefined;
    const isUntouched = !this.#hinted && !this.hasTaken && !this.stream.sink.started;
    return isSafe && isWhole && isUntouched && !this.#triedAgain && !this.late && !this.#clientLeft;
  }

  #refuseLate(): void {
    this.stream.sink.refuse(504, "Gateway Timeout", "The application took too long to answer");
  }

  /**
   * Its time is over for good: the client gets its answer now, and what the worker still says goes nowhere.
   *
   * @returns false when it has been cut short before.
   */
  cutShort(): boolean {
    if (this.#cutShort) return false;
    this.#cutShort = true;
    this.late = true;
    if (this.#clientLeft) return true;
    this.#clientLeft = true;
    this.#body?.destroy();
    this.stream.dropBody();
    if (this.#relay !== undefined) this.#relay.abort();
    else this.#refuseLate();
    this.#link?.cancel(this.id);
    return true;
  }

  /** The application has taken the client's connection over, and may keep it for as long as it likes. */
  get hasTaken(): boolean {
    return this.#taken !== undefined;
  }

  /** Nobody waits for its answer any more. */
  get abandoned(): boolean {
    return this.#clientLeft;
  }

  /** It came back from a dead worker, which had not begun it, and its client has left meanwhile. */
  onDropped(): void {
    this.#lose();
    this.#settle();
    this.#owner.left();
  }

  /** It waited longer for a worker than `queue_timeout` allows. */
  expire(retryAfterSeconds: number): void {
    this.#body?.destroy();
    this.#owner.left();
    this.stream.sink.refuse(503, "Service Unavailable", "No worker was free in time", `Retry-After: ${retryAfterSeconds}\r\n`);
  }
}

function responseHead(frame: FrameView) {
  return { status: frame.status, fieldLines: frame.fieldLines, contentLength: frame.contentLength, close: frame.wantsClose };
}
