/** An HTTP/1 connection that has left HTTP (RFC 9110 §7.8): its bytes both ways belong to a `TunnelUser`. */

import type { Socket } from "node:net";
import type { ConnectionTunnel, TunnelUser } from "../request/exchange.ts";
import type { Traffic } from "../telemetry/traffic.ts";

/** A tunnel may be silent for hours, and only this tells one whose client has vanished from one that has nothing to say. nginx's and most systems' proxies give up after a minute. */
export const KEEP_ALIVE_MS = 60_000;

const NOTHING = Buffer.alloc(0);
/** What is gathered for one system call: what Node copies for a write without allocating. */
const GATHERED_BYTES_MAX = 16384;

let withText: Http1Tunnel[] = [];

/** One tick for all tunnels: a broadcast writes to thousands of them in one turn. */
function flushAfterThisTurn(tunnel: Http1Tunnel): void {
  withText.push(tunnel);
  if (withText.length > 1) return;
  process.nextTick(() => {
    const tunnels = withText;
    withText = [];
    for (const one of tunnels) one.flush();
  });
}

/** What a tunnel tells its connection. */
export interface TunnelOwner {
  /** The first bytes for the client are about to be written. */
  onFirstBytes(bytes: Buffer | string): void;
  /** Called once, not after `close`: what the user wants done to the connection. */
  onOver(ending: "end" | "cut"): void;
}

export class Http1Tunnel implements ConnectionTunnel {
  /** Bytes that were given to the client. */
  sentBytes = 0;
  readonly #socket: Socket;
  readonly #user: TunnelUser;
  readonly #owner: TunnelOwner;
  readonly #traffic: Traffic;
  /** What came behind the request, before the user wanted it. */
  #rest: Buffer = NOTHING;
  #flows = false;
  /** The user has resumed once: before that it may not even have this object. */
  #started = false;
  #clientEnded = false;
  #over = false;
  /** Short pieces of this turn of the event loop. */
  #text = "";
  /** The socket has more than it likes; `drain` follows. */
  #full = false;

  constructor(socket: Socket, user: TunnelUser, traffic: Traffic, owner: TunnelOwner) {
    this.#traffic = traffic;
    this.#socket = socket;
    this.#user = user;
    this.#owner = owner;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  // --- from the connection -----------------------------------------------------------------------------------------

  /** What the client sends is the user's. */
  get flows(): boolean {
    return this.#flows;
  }

  /** The client's request is complete. @param rest  What has come behind it. */
  begin(rest: Buffer): void {
    if (this.#over) return;
    this.#flows = true;
    this.#rest = rest;
    this.#socket.pause();
    if (this.#started) this.resume();
  }

  receive(chunk: Buffer): void {
    if (this.#over) return;
    if (!this.#started) this.#rest = Buffer.concat([this.#rest, chunk]);
    else this.#user.onBytes(chunk);
  }

  drained(): void {
    this.#full = false;
    if (!this.#over) this.#user.onDrain();
  }

  /** FIN. */
  clientEnded(): void {
    this.#clientEnded = true;
    if (!this.#over && this.#started) this.#user.onEnd();
  }

  /** Nothing goes through it any more, and that is not the user's doing. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#rest = NOTHING;
    this.#user.onGone();
  }

  // --- from the user -----------------------------------------------------------------------------------------------

  write(bytes: Buffer | string): boolean {
    if (this.#over || this.#socket.destroyed) return true;
    if (this.sentBytes === 0) this.#owner.onFirstBytes(bytes);
    this.sentBytes += bytes.length;
    this.#traffic.sentBytes += bytes.length;
    if (typeof bytes === "string") {
      if (this.#text === "") flushAfterThisTurn(this);
      this.#text += bytes;
      if (this.#text.length >= GATHERED_BYTES_MAX) this.flush();
    } else {
      this.flush();
      this.#full = !this.#socket.write(bytes);
    }
    return !this.#full;
  }

  /** Gives what was gathered to the socket. */
  flush(): void {
    if (this.#text === "" || this.#socket.destroyed) return;
    const text = this.#text;
    this.#text = "";
    this.#full = !this.#socket.write(text, "latin1");
  }

  pause(): void {
    if (!this.#over && this.#flows) this.#socket.pause();
  }

  resume(): void {
    if (this.#over) return;
    const first = !this.#started;
    this.#started = true;
    // Before that the socket is HTTP's.
    if (!this.#flows) return;
    this.#socket.resume();
    const rest = this.#rest;
    this.#rest = NOTHING;
    // The user may pause again, or end, while it has these.
    if (rest.length > 0) this.#user.onBytes(rest);
    if (first && this.#clientEnded) this.clientEnded();
  }

  finishWriting(): void {
    if (this.#over) return;
    this.flush();
    this.#socket.end();
  }

  end(): void {
    this.#finish("end");
  }

  cut(): void {
    this.#finish("cut");
  }

  #finish(ending: "end" | "cut"): void {
    if (this.#over) return;
    this.flush();
    this.#over = true;
    this.#owner.onOver(ending);
  }
}
