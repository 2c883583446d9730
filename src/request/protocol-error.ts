/** What a client can do wrong: one table of codes, each with the answer it gets and the rule it broke. */

/** The answer and the rule for each code. `reason` is the reason phrase on the status line. */
export const PROTOCOL_ERRORS = {
  "bad-request-line": { status: 400, reason: "Bad Request", rule: "RFC 9112 §3" },
  "bad-method": { status: 400, reason: "Bad Request", rule: "RFC 9110 §9.1" },
  "bad-version": { status: 400, reason: "Bad Request", rule: "RFC 9112 §2.3" },
  "bad-header": { status: 400, reason: "Bad Request", rule: "RFC 9112 §5" },
  "bad-header-name": { status: 400, reason: "Bad Request", rule: "RFC 9110 §5.1" },
  "repeated-header": { status: 400, reason: "Bad Request", rule: "RFC 9110 §5.3" },
  "bad-content-length": { status: 400, reason: "Bad Request", rule: "RFC 9110 §8.6" },
  "bad-transfer-encoding": { status: 400, reason: "Bad Request", rule: "RFC 9112 §6.1" },
  "obsolete-folding": { status: 400, reason: "Bad Request", rule: "RFC 9112 §5.2" },
  "bad-scheme-headers": { status: 400, reason: "Bad Request", rule: "secure_scheme_headers" },
  "request-line-too-long": { status: 414, reason: "URI Too Long", rule: "RFC 9110 §15.5.15" },
  "headers-too-large": { status: 431, reason: "Request Header Fields Too Large", rule: "RFC 6585 §5" },
  "expectation-failed": { status: 417, reason: "Expectation Failed", rule: "RFC 9110 §10.1.1" },
  "unsupported-transfer-coding": { status: 501, reason: "Not Implemented", rule: "RFC 9112 §6.1" },
  "bad-chunk": { status: 400, reason: "Bad Request", rule: "RFC 9112 §7.1" },
  "bad-trailer": { status: 400, reason: "Bad Request", rule: "RFC 9110 §6.5" },
  "bad-uwsgi-packet": { status: 400, reason: "Bad Request", rule: "uWSGI protocol" },
  "unsupported-uwsgi-modifier": { status: 501, reason: "Not Implemented", rule: "uWSGI protocol" },
  "forbidden-uwsgi-peer": { status: 403, reason: "Forbidden", rule: "uwsgi_allow_ips" },
  "bad-proxy-header": { status: 400, reason: "Bad Request", rule: "PROXY protocol §2" },
  "proxy-not-allowed": { status: 403, reason: "Forbidden", rule: "proxy_allow_ips" },
  "bad-websocket-version": { status: 426, reason: "Upgrade Required", rule: "RFC 6455 §4.2.2" },
  "bad-websocket-key": { status: 400, reason: "Bad Request", rule: "RFC 6455 §4.2.1" },
  "bad-websocket-version-in-http2": { status: 400, reason: "Bad Request", rule: "RFC 6455 §4.4" },
  "unsupported-connect-protocol": { status: 501, reason: "Not Implemented", rule: "RFC 9220 §3" },
  "bad-http2-preface": { status: 400, reason: "Bad Request", rule: "RFC 9113 §3.4" },
  "bad-script-name": { status: 500, reason: "Internal Server Error", rule: "SCRIPT_NAME" },
} as const;

/** Field lines that an answer owes to its client besides the page: which version would have been the right one. */
export const REFUSAL_FIELD_LINES: { readonly [code in ProtocolErrorCode]?: string } = {
  "bad-websocket-version": "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
  "bad-websocket-version-in-http2": "Sec-WebSocket-Version: 13\r\n",
};

/** Names one thing that a client can do wrong. */
export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;

/** The client broke a rule. Its request is refused with a page and its connection is closed. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;
  /** Text shown on the error page, where Gunicorn's page differs from its log line (protocols §1.9). */
  readonly pageText: string;

  /**
   * @param message   What was seen, Gunicorn's words: `Invalid HTTP method: 'GE T'`. It goes into the log.
   * @param pageText  Defaults to the message.
   */
  constructor(code: ProtocolErrorCode, message: string, pageText: string = message) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
    this.pageText = pageText;
  }
}
