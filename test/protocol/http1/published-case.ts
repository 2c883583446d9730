/** One case out of the tests of another HTTP/1 parser, put in our own words and bytes: which inputs are requests, and which are not. */

export interface PublishedCase {
  readonly from: "llhttp" | "h11";
  readonly name: string;
  /** Latin-1. */
  readonly bytes: string;
  /** What the other parser makes of it without its lenient flags. */
  readonly there: "accepted" | "refused";
  /** Requests that we serve. */
  readonly served: number;
  /** Status of our refusal behind them; undefined when there is none. */
  readonly refused?: number;
  /** Given where one of us accepts what the other refuses. */
  readonly why?: string;
}

/** Both of us serve it. */
export const accepted = { there: "accepted", served: 1 } as const;
/** Neither of us does. */
export const refused = { there: "refused", served: 0, refused: 400 } as const;

/** A request whose head has these lines, each without its CRLF. */
export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A chunked request with this body. */
export function chunked(body: string): string {
  return head("PUT /url HTTP/1.1", "Host: h", "Transfer-Encoding: chunked") + body;
}
