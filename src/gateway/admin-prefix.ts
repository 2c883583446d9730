/** The pages of the admin port on the application's addresses (`admin_prefix`): the arbiter has them, no worker is asked. */

import type { RequestStream } from "../request/exchange.ts";

/** The arbiter's pages. What else is below the prefix is the application's. */
const PAGES: ReadonlySet<string> = new Set(["livez", "readyz", "metrics", "status"]);
const REASONS: Readonly<Record<number, string>> = { 200: "OK", 503: "Service Unavailable" };

/** As the arbiter sends it. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class AdminPrefix {
  readonly #ask: (id: number, name: string) => void;
  #prefix: string | undefined;
  #lastId = 0;
  /** Requests that wait for the arbiter: no more than there are connections and streams, and it answers at once. */
  readonly #waiting = new Map<number, RequestStream>();

  /** @param ask  Asks the arbiter for a page; `answer` follows. */
  constructor(ask: (id: number, name: string) => void) {
    this.#ask = ask;
  }

  /** Follows the settings. @param prefix  `"/-/admin"`; null: nothing is served. */
  change(prefix: string | null): void {
    this.#prefix = prefix === null ? undefined : `${prefix}/`;
  }

  /** @returns false for a request of the application. */
  takes(stream: RequestStream): boolean {
    const prefix = this.#prefix;
    const { method, target } = stream.head;
    if (prefix === undefined || !target.startsWith(prefix) || (method !== "GET" && method !== "HEAD")) return false;
    const [name = ""] = target.slice(prefix.length).split("?", 1);
    if (!PAGES.has(name)) return false;
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting.set(id, stream);
    stream.onClientLeft = () => this.#waiting.delete(id);
    stream.dropBody();
    this.#ask(id, name);
    return true;
  }

  answer(id: number, { status, type, body }: Page): void {
    const stream = this.#waiting.get(id);
    if (!this.#waiting.delete(id) || stream === undefined) return;
    const bytes = Buffer.from(body);
    const fieldLines = `Content-Type: ${type}\r\nCache-Control: no-store\r\nContent-Length: ${bytes.length}\r\n`;
    stream.sink.respond({ status: `${status} ${REASONS[status] ?? ""}`, fieldLines, contentLength: bytes.length, close: false }, bytes);
  }
}
