/** A raw HTTP/1 client: sends exactly the bytes it is given, and reads responses strictly enough to notice a wrong end. */

import { connect, type Socket } from "node:net";
import { withDeadline } from "./deadline.ts";

export interface Response {
  /** `"HTTP/1.1 200 OK"` */
  readonly statusLine: string;
  readonly status: number;
  /** In order, names as sent. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Content, framing removed, latin-1. */
  readonly body: string;
  /** Payload sizes of the chunks, for `"chunked"`. */
  readonly chunkSizes: readonly number[];
  readonly framing: "none" | "length" | "chunked" | "close";
  /** False when the connection ended before the body did. */
  readonly complete: boolean;
}

export function field(response: Response, name: string): string | undefined {
  return response.fields.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

/** One client's connection. */
export class Client {
  readonly socket: Socket;
  #received = "";
  #ended = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#received += data.latin1Slice();
      this.#wake?.();
    });
    const onEnd = () => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on("end", onEnd);
    socket.on("error", onEnd);
    socket.on("close", onEnd);
  }

  /** @param address  A port of 127.0.0.1, or the path of a unix socket. */
  static async connect(address: number | string): Promise<Client> {
    // When the server ends, our side ends too, as any client's would: a server that lingers for us would hold up its stop.
    const socket = typeof address === "number" ? connect({ port: address, host: "127.0.0.1" }) : connect({ path: address });
    await withDeadline(`connecting to ${address}`, (resolve, reject) => {
      socket.once("connect", () => resolve(undefined));
      socket.once("error", reject);
    });
    socket.removeAllListeners("error");
    return new Client(socket);
  }

  /** @param text  latin-1 */
  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Sends piece by piece, each in a packet of its own as far as the kernel allows: the next leaves when the last was taken. */
  async trickle(text: string, pieceBytes: number): Promise<void> {
    await this.sendPieces(
      Array.from({ length: Math.ceil(text.length / pieceBytes) }, (_, n) => text.slice(n * pieceBytes, (n + 1) * pieceBytes)),
    );
  }

  /** As `trickle`, with pieces of any sizes. */
  async sendPieces(pieces: readonly string[]): Promise<void> {
    this.socket.setNoDelay(true);
    for (const piece of pieces) {
      await new Promise<void>((resolve) => this.socket.write(piece, "latin1", () => setImmediate(resolve)));
    }
  }

  /** Sends a FIN and goes on reading. */
  halfClose(): void {
    this.socket.end();
  }

  /** Leaves with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  /** Waits until what is received and unread contains `text`. */
  async waitFor(text: string): Promise<void> {
    while (!this.#received.includes(text)) if (!(await this.#more())) throw new Error(`the server closed before ${JSON.stringify(text)}`);
  }

  /** Everything until the server closes. */
  async readToEnd(): Promise<string> {
    while (await this.#more());
    const all = this.#received;
    this.#received = "";
    return all;
  }

  /**
   * Reads one response, or an interim one (1xx) where one comes.
   *
   * @param method  Of the request: a response to HEAD has no body.
   */
  async readResponse(method = "GET"): Promise<Response> {
    const head = await this.#take("\r\n\r\n");
    if (head === undefined) throw new Error(`the server closed without a whole head: ${JSON.stringify(this.#received)}`);
    const [statusLine = "", ...lines] = head.split("\r\n");
    const fields = lines.map((line): [string, string] => {
      const [, name = line, value = ""] = /^([^:]*):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
      return [name, value];
    });
    const status = Number(statusLine.split(" ")[1]);
    const response = { statusLine, status, fields, body: "", chunkSizes: [], framing: "none" as const, complete: true };
    const value = (name: string) => fields.find(([other]) => other.toLowerCase() === name)?.[1];
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) return response;
    if (value("transfer-encoding") === "chunked") return { ...response, framing: "chunked", ...(await this.#readChunks()) };
    const length = value("content-length");
    if (length === undefined) return { ...response, framing: "close", body: await this.readToEnd() };
    while (this.#received.length < Number(length) && (await this.#more()));
    const body = this.#received.slice(0, Number(length));
    this.#received = this.#received.slice(body.length);
    return { ...response, framing: "length", body, complete: body.length === Number(length) };
  }

  async #readChunks(): Promise<Pick<Response, "body" | "chunkSizes" | "complete">> {
    let body = "";
    const chunkSizes: number[] = [];
    for (;;) {
      const line = await this.#take("\r\n");
      if (line === undefined) return { body, chunkSizes, complete: false };
      const size = Number.parseInt(line, 16);
      if (!/^[0-9A-Fa-f]+$/.test(line)) throw new Error(`a chunk's size is ${JSON.stringify(line)}`);
      while (this.#received.length < size + 2)
        if (!(await this.#more())) return { body: body + this.#received, chunkSizes, complete: false };
      if (this.#received.slice(size, size + 2) !== "\r\n") throw new Error("a chunk does not end in CRLF");
      body += this.#received.slice(0, size);
      this.#received = this.#received.slice(size + 2);
      if (size === 0) return { body, chunkSizes, complete: true };
      chunkSizes.push(size);
    }
  }

  async #take(end: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#received.indexOf(end);
      if (at !== -1) {
        const taken = this.#received.slice(0, at);
        this.#received = this.#received.slice(at + end.length);
        return taken;
      }
      if (!(await this.#more())) return undefined;
    }
  }

  /** Waits for more bytes. @returns false at the end of the connection. */
  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const before = this.#received.length;
    await withDeadline("reading from the server", (resolve) => {
      this.#wake = () => resolve(undefined);
    });
    return this.#received.length > before || !this.#ended;
  }
}

/** Sends one request on a connection of its own and reads its response. */
export async function exchange(address: number | string, request: string): Promise<Response> {
  const client = await Client.connect(address);
  try {
    client.send(request);
    return await client.readResponse(request.split(" ")[0]);
  } finally {
    client.close();
  }
}

/** A GET as browsers would send it, closing afterwards. */
export function get(target: string, fields = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n${fields}\r\n`;
}

export function post(target: string, body: string, fields = ""): string {
  return `POST ${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}
