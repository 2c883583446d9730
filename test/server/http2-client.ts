/** Node's client of HTTP/2, and what it has been answered. */

import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { CA } from "./certificates.ts";
import type { Scope } from "./harness.ts";

/** A connection that is cut at the end of the test at the latest. What goes wrong with it, its requests say. */
export function openSession(
  scope: Scope,
  authority: string,
  options: ClientSessionOptions | SecureClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(authority, { ca: CA, ...options });
  session.on("error", () => {});
  scope.after(() => session.destroy());
  return session;
}

export interface Answer {
  status: number | undefined;
  fields: IncomingHttpHeaders;
  body: string;
  hints: IncomingHttpHeaders[];
  trailers: IncomingHttpHeaders | undefined;
  /** Set when the stream broke off. */
  error: string | undefined;
}

/** One request, to its end; never rejects. */
export function ask(from: ClientHttp2Session, fields: OutgoingHttpHeaders, body?: Buffer): Promise<Answer> {
  return new Promise((resolve) => {
    const request = from.request(fields, { endStream: body === undefined });
    const answer: Answer = { status: undefined, fields: {}, body: "", hints: [], trailers: undefined, error: undefined };
    request.setEncoding("latin1");
    request.on("headers", (hint) => answer.hints.push(hint));
    request.on("response", (head) => {
      answer.status = head[":status"];
      answer.fields = head;
    });
    request.on("data", (text: string) => {
      answer.body += text;
    });
    request.on("trailers", (trailers) => {
      answer.trailers = trailers;
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      answer.error = error.code;
    });
    request.on("close", () => resolve(answer));
    if (body !== undefined) request.end(body);
  });
}
