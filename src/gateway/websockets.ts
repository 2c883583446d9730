/** The WebSockets of a pool: what begins them, and what ends many at once. */

import type { WebsocketHandshake } from "../request/exchange.ts";
import type { WorkerLink } from "./worker-link.ts";

type Sessions = typeof import("./websocket-session.ts") & typeof import("./websocket-compression.ts");
type WebsocketSession = import("./websocket-session.ts").WebsocketSession;

/** Why the server ends a WebSocket. */
interface Farewell {
  readonly code: number;
  readonly reason: Buffer;
}

export class Websockets {
  /** Of one message, inflated: of those that begin from now on. */
  messageBytesMax: number;
  readonly #open = new Map<WebsocketSession, WorkerLink>();
  readonly #leaving = new WeakSet<WorkerLink>();
  #sessions: Sessions | undefined;
  #stopping = false;

  constructor(messageBytesMax: number) {
    this.messageBytesMax = messageBytesMax;
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Loads what speaks WebSocket: most gateways never need it, and it would be a good part of their start and size.
   *
   * @returns Undefined when it is there already.
   */
  load(): Promise<void> | undefined {
    if (this.#sessions !== undefined) return undefined;
    const parts = [import("./websocket-session.ts"), import("./websocket-compression.ts")] as const;
    return Promise.all(parts).then(([session, compression]) => {
      this.#sessions = { ...session, ...compression };
    });
  }

  /** The worker has accepted. @param fieldLines  What the application adds to the answer. */
  open(handshake: WebsocketHandshake, link: WorkerLink, stream: number, fieldLines: string): WebsocketSession {
    // No handshake reaches a worker before.
    const { WebsocketSession, agreeOnCompression } = this.#sessions!;
    const agreement = agreeOnCompression(handshake.extensions, this.messageBytesMax);
    const worker = {
      message: (payload: Buffer, binary: boolean) => link.message(stream, payload, binary),
      closed: (code: number, reason: Buffer) => link.closed(stream, code, reason),
      credit: (bytes: number) => link.messagesTaken(stream, bytes),
    };
    const session = new WebsocketSession(worker, this.messageBytesMax, agreement, () => this.#open.delete(session));
    this.#open.set(session, link);
    session.begin(handshake.accept(agreement.fieldLines + fieldLines, session));
    if (this.#stopping || this.#leaving.has(link)) this.#dismiss(session);
    return session;
  }

  /** The worker is to be replaced: its clients are told to come again. */
  workerLeaving(link: WorkerLink): void {
    this.#leaving.add(link);
    for (const [session, its] of this.#open) if (its === link) this.#dismiss(session);
  }

  /** The server stops. */
  stop(): void {
    this.#stopping = true;
    for (const session of this.#open.keys()) this.#dismiss(session);
  }

  #dismiss(session: WebsocketSession): void {
    const { code, reason } = this.#farewell();
    session.close(code, reason, "server");
  }

  #farewell(): Farewell {
    const { GOING_AWAY, SERVICE_RESTART } = this.#sessions!;
    if (this.#stopping) return { code: GOING_AWAY, reason: Buffer.from("Server is stopping") };
    return { code: SERVICE_RESTART, reason: Buffer.from("Service restart") };
  }
}
