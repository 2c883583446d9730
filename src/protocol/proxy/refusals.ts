/** The errors of a refused PROXY header, in Gunicorn's words (protocols §1.9): each function is one of its exception classes. */

import { reprString } from "../../base/python-repr.ts";
import { ProtocolError } from "../../request/protocol-error.ts";

/** @param shown  The line without its CRLF, or what is wrong with it. */
export function invalidProxyLine(shown: string): ProtocolError {
  return badHeader(`Invalid PROXY line: ${reprString(shown)}`);
}

/** @param text  What is wrong with the block of a binary header: `unsupported version 1`. */
export function invalidProxyHeader(text: string): ProtocolError {
  return badHeader(`Invalid PROXY header: ${text}`);
}

function badHeader(text: string): ProtocolError {
  return new ProtocolError("bad-proxy-header", text, `'${text}'`);
}

/** @param address  Of a sender that is not in `proxy_allow_ips`. */
export function proxyNotAllowed(address: string): ProtocolError {
  return new ProtocolError("proxy-not-allowed", `Proxy request from ${reprString(address)} not allowed`, "Request forbidden");
}
