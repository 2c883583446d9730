import type { HpackField } from "../hpack/field.ts";
import type { Http1Policy } from "../http1/policy.ts";
import { headersTooLarge, invalidHeaderName } from "../http1/refusals.ts";
import { TrailerFields } from "../http1/trailer-fields.ts";

/**
 * The fields behind a request's body (RFC 9113 §8.1): under the same policy as HTTP/1's trailer section.
 *
 * @returns Undefined when they are malformed: a pseudo-header, a field of a connection, a bad name or value.
 * @throws {ProtocolError} `headers-too-large`, `bad-header-name`, `repeated-header`.
 */
export function readTrailers(fields: readonly HpackField[], policy: Http1Policy): TrailerFields | undefined {
  const trailers = new TrailerFields(policy);
  for (const { name, value, sound } of fields) {
    if (name.header === undefined || name.kind === "connection-specific" || !sound) return undefined;
    if (trailers.forbidden.has(name.header.upper)) throw invalidHeaderName(name.header.upper);
    if (trailers.kept >= policy.fieldsMax) throw headersTooLarge("limit request headers fields");
    trailers.add(name.header, value);
  }
  return trailers;
}
