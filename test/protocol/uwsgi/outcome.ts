/** What a uWSGI parser makes of a connection's bytes, in the shape that gunicorn_oracle.py gives too. */

import type { RequestHandler } from "../../../src/protocol/request-parser.ts";
import { UwsgiParser } from "../../../src/protocol/uwsgi/request-parser.ts";
import type { BodyEnd } from "../../../src/request/exchange.ts";
import type { ProtocolError } from "../../../src/request/protocol-error.ts";
import type { Peer, RequestHead } from "../../../src/request/request-head.ts";

export interface RequestOutcome {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly protocol: string;
  readonly scheme: string;
  readonly keepAlive: boolean;
  /** `HTTP_*`, CONTENT_TYPE and CONTENT_LENGTH of the environ. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Outcome {
  readonly requests: readonly RequestOutcome[];
  /** Text of the error that ended the connection; null when it ended by itself. */
  readonly refusal: string | null;
}

export const PEER: Peer = {
  remoteAddress: "127.0.0.1",
  remotePort: 40000,
  serverName: "127.0.0.1",
  serverPort: 8000,
  trusted: false,
  secure: false,
};

class Recorder implements RequestHandler {
  readonly requests: RequestOutcome[] = [];
  refusal: string | null = null;
  over = false;
  readonly ends: BodyEnd[] = [];
  readonly parser = new UwsgiParser(PEER, this);
  #head: RequestHead | undefined;
  #body = "";

  onHead(head: RequestHead): void {
    this.#head = head;
    this.#body = "";
    if (head.framing.kind === "none") this.onBodyEnd("complete");
  }

  onBody(chunk: Buffer): void {
    this.#body += chunk.latin1Slice();
  }

  onBodyEnd(end: BodyEnd): void {
    const head = this.#head;
    if (head === undefined) throw new Error("a body without a head");
    this.ends.push(end);
    this.requests.push(describe(head, this.#body));
    if (head.keepAlive) this.parser.next();
    else this.over = true;
  }

  onError(error: ProtocolError): void {
    this.refusal = error.message;
    this.over = true;
  }

  onClose(): void {
    this.over = true;
  }
}

function describe(head: RequestHead, body: string): RequestOutcome {
  const { method, target, path, query, protocol, scheme, keepAlive } = head;
  const fields: Record<string, string> = {};
  head.names.forEach(({ environKey }, index) => {
    const value = head.values[index] ?? "";
    fields[environKey] = environKey in fields ? `${fields[environKey]},${value}` : value;
  });
  return { method, target, path, query, protocol, scheme, keepAlive, fields: sorted(fields), body };
}

function sorted(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Feeds pieces, then the end of the input. */
export function outcomeOf(pieces: Iterable<Buffer>): Outcome {
  const recorder = new Recorder();
  for (const piece of pieces) {
    if (recorder.over) break;
    // What is fed is only lent.
    const lent = Buffer.from(piece);
    recorder.parser.feed(lent);
    lent.fill("?");
  }
  if (!recorder.over) recorder.parser.eof();
  return { requests: recorder.requests, refusal: recorder.refusal };
}

/** What we refuse where Gunicorn goes on (docs/differences.md). */
const REFUSED_BY_US = /CONTENT_LENGTH is |'CONTENT-LENGTH'|Invalid HTTP header name|wsgi\.url_scheme is /;

/** Says whether the outcomes are equal: in all requests, or in those before the one that only we refuse. Names are upper case with us. */
export function isAsGunicorns(ours: Outcome, theirs: Outcome): boolean {
  const weRefuse = REFUSED_BY_US.test(ours.refusal ?? "");
  const requests = (weRefuse ? theirs.requests.slice(0, ours.requests.length) : theirs.requests).map((request) => ({
    ...request,
    fields: sorted(
      Object.fromEntries(
        Object.entries(request.fields).map(([name, value]) => [
          name.toUpperCase().replace(/^HTTP_(?=CONTENT_(?:TYPE|LENGTH)$)/, ""),
          value,
        ]),
      ),
    ),
  }));
  return JSON.stringify(ours.requests) === JSON.stringify(requests) && (weRefuse || ours.refusal === theirs.refusal);
}
