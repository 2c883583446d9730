import type { HeaderName } from "../../request/header-name.ts";
import type { FieldSink } from "./field-lines.ts";
import { keepsUnderscored, NO_FORWARDERS } from "./header-mapping.ts";
import type { Http1Policy } from "./policy.ts";
import { invalidHeader } from "./refusals.ts";

/** Fields that would change routing, framing or authentication after the fact (RFC 9110 §6.5.1; Gunicorn's list). */
const FORBIDDEN: ReadonlySet<string> = new Set(["HOST", "CONTENT-LENGTH", "TRANSFER-ENCODING", "TRAILER", "AUTHORIZATION", "TE"]);

/** The fields of a trailer section (RFC 9112 §7.1.2): `trailer-section = *( field-line CRLF )`. No peer is trusted with forwarder or scheme headers here: they would come too late. */
export class TrailerFields implements FieldSink {
  readonly names: HeaderName[] = [];
  readonly values: string[] = [];
  readonly forbidden = FORBIDDEN;
  readonly #headerMap: Http1Policy["headerMap"];
  #hasContentType = false;

  constructor(policy: Http1Policy) {
    this.#headerMap = policy.headerMap;
  }

  get kept(): number {
    return this.names.length;
  }

  /** @throws {ProtocolError} `repeated-header`, `bad-header-name`. */
  add(name: HeaderName, value: string): void {
    if (name.upper === "CONTENT-TYPE") {
      if (this.#hasContentType) throw invalidHeader(name.upper, "repeated-header");
      this.#hasContentType = true;
    }
    if (name.underscored && !keepsUnderscored(name, NO_FORWARDERS, this.#headerMap)) return;
    this.names.push(name);
    this.values.push(value);
  }
}
