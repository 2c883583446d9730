import type { HeaderName } from "../../request/header-name.ts";
import type { Peer } from "../../request/request-head.ts";
import type { FramingField } from "./body-framing.ts";
import type { FieldSink } from "./field-lines.ts";
import { keepsUnderscored, NO_FORWARDERS, NO_SCHEME_HEADERS } from "./header-mapping.ts";
import type { Http1Policy } from "./policy.ts";
import { contradictorySchemes, expectationFailed, invalidHeader } from "./refusals.ts";
import { HTTP_1_1 } from "./request-line.ts";

const NOTHING: ReadonlySet<string> = new Set();

/**
 * What the fields of a request's head say (protocols §1.4 rules 13 to 16, §1.6 to §1.8, §1.10):
 *
 *     Expect = "100-continue"                       ; RFC 9110 §10.1.1, the one expectation that is registered
 *
 * `Host = uri-host [ ":" port ]` (RFC 9110 §7.2) may come once and is not looked at: it is the application's.
 */
export class RequestFields implements FieldSink {
  readonly names: HeaderName[] = [];
  readonly values: string[] = [];
  readonly forbidden = NOTHING;
  scheme: "http" | "https";
  expectsContinue = false;
  /** Value of a kept SCRIPT_NAME field; the last one counts. */
  scriptName: string | undefined;
  /** All Connection fields joined with commas. */
  connection: string | undefined;
  /** Content-Length and Transfer-Encoding in order; undefined when there is none, the usual case. */
  framing: FramingField[] | undefined;
  readonly #version: number;
  readonly #headerMap: Http1Policy["headerMap"];
  readonly #forwarders: ReadonlySet<string> | "*";
  readonly #schemeHeaders: ReadonlyMap<string, string>;
  #schemeSaid = false;
  #hasHost = false;
  #hasContentType = false;

  /** @param version  As in RequestLine: 11 for HTTP/1.1. */
  constructor(policy: Http1Policy, peer: Peer, version: number) {
    this.scheme = peer.secure ? "https" : "http";
    this.#version = version;
    this.#headerMap = policy.headerMap;
    this.#forwarders = peer.trusted ? policy.forwarderHeaders : NO_FORWARDERS;
    this.#schemeHeaders = peer.trusted ? policy.secureSchemeHeaders : NO_SCHEME_HEADERS;
  }

  get kept(): number {
    return this.names.length;
  }

  /**
   * Takes one field. What it means is decided before `header_map` may drop it, as in Gunicorn.
   *
   * @throws {ProtocolError} `repeated-header`, `expectation-failed`, `bad-scheme-headers`, `bad-header-name`.
   */
  add(name: HeaderName, value: string): void {
    switch (name.lower) {
      case "host":
        if (this.#hasHost) throw invalidHeader(name.upper, "repeated-header");
        this.#hasHost = true;
        break;
      case "content-type":
        if (this.#hasContentType) throw invalidHeader(name.upper, "repeated-header");
        this.#hasContentType = true;
        break;
      case "connection":
        this.connection = this.connection === undefined ? value : `${this.connection},${value}`;
        break;
      case "content-length":
      case "transfer-encoding":
        this.framing ??= [];
        this.framing.push({ kind: name.lower, value });
        break;
      case "expect":
        this.#addExpectation(value);
        break;
    }
    if (this.#schemeHeaders.size > 0) this.#addScheme(name, value);
    if (name.underscored) {
      if (!keepsUnderscored(name, this.#forwarders, this.#headerMap)) return;
      if (name.upper === "SCRIPT_NAME") this.scriptName = value;
    }
    this.names.push(name);
    this.values.push(value);
  }

  /** RFC 9110 §10.1.1: the one expectation there is, and only a client of HTTP/1.1 or later waits for its answer. */
  #addExpectation(value: string): void {
    if (value.toLowerCase() !== "100-continue") throw expectationFailed(value);
    this.expectsContinue = this.#version >= HTTP_1_1;
  }

  /** A field of `secure_scheme_headers` says how the proxy's client came: with the named value by TLS, with any other not. */
  #addScheme(name: HeaderName, value: string): void {
    const secureValue = this.#schemeHeaders.get(name.upper);
    if (secureValue === undefined) return;
    const scheme = value === secureValue ? "https" : "http";
    if (this.#schemeSaid && scheme !== this.scheme) throw contradictorySchemes();
    this.#schemeSaid = true;
    this.scheme = scheme;
  }
}
