/** An HTTP/1 connection that has left HTTP (RFC 9110 §7.8): its bytes both ways belong to a `TunnelUser`. */

import type { Socket } from "node:net";
import type { Tunnel, TunnelUser } from "../request/exchange.ts";

/** A tunnel may be silent for hours, and only this tells one whose client has vanished from one that has nothing to say. nginx's and most systems' proxies give up after a minute. */
const KEEP_ALIVE_MS = 60_000;

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

export class Http1Tunnel implements Tunnel {
  /** Bytes that were given to the client. */
  sentBytes = 0;
  readonly #socket: Socket;
  readonly #user: TunnelUser;
  readonly #onOver: (ending: "end" | "cut" | "left") => void;
  /** What came behind the request, before it was answered. */
  #rest: Buffer;
  /** The user has resumed once: before that it may not even have this object. */
  #started = false;
  #clientEnded = false;
  #over = false;
  /** Short pieces of this turn of the event loop. */
  #text = "";
  /** The socket has more than it likes; `drain` follows. */
  #full = false;

  /** @param onOver  Called once: `end` and `cut` are what the user wants done to the connection. */
  constructor(socket: Socket, user: TunnelUser, rest: Buffer, onOver: (ending: "end" | "cut" | "left") => void) {
    this.#socket = socket;
    this.#user = user;
    this.#rest = rest;
    this.#onOver = onOver;
    socket.pause();
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  // --- from the connection -----------------------------------------------------------------------------------------

  receive(chunk: Buffer): void {
    if (this.#over) return;
    if (!this.#started) this.#rest = Buffer.concat([this.#rest, chunk]);
    else this.#user.onBytes(chunk);
  }

  drained(): void {
    this.#full = false;
    if (!this.#over) this.#user.onDrain();
  }

  /** FIN, or the end of the socket. */
  clientEnded(): void {
    this.#clientEnded = true;
    if (this.#over || !this.#started) return;
    this.#user.onEnd();
    this.#finish("left");
  }

  // --- from the user -----------------------------------------------------------------------------------------------

  write(bytes: Buffer | string): boolean {
    if (this.#over || this.#socket.destroyed) return true;
    this.sentBytes += bytes.length;
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
    if (!this.#over) this.#socket.pause();
  }

  resume(): void {
    if (this.#over) return;
    this.#socket.resume();
    if (this.#started) return;
    this.#started = true;
    const rest = this.#rest;
    this.#rest = NOTHING;
    // The user may pause again, or end, while it has these.
    if (rest.length > 0) this.#user.onBytes(rest);
    if (this.#clientEnded) this.clientEnded();
  }

  end(): void {
    this.#finish("end");
  }

  cut(): void {
    this.#finish("cut");
  }

  #finish(ending: "end" | "cut" | "left"): void {
    if (this.#over) return;
    this.flush();
    this.#over = true;
    this.#onOver(ending);
  }
}
