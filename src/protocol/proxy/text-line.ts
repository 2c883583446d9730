/**
 * Version 1 of the PROXY protocol: one line of text (proxy-protocol.txt §2.1).
 *
 *     line    = "PROXY" SP ( inet / unknown ) CRLF
 *     inet    = ( "TCP4" / "TCP6" ) SP source SP destination SP port SP port
 *     unknown = "UNKNOWN" *any      ; "the receiver must ignore anything presented before the CRLF"
 *     port    = "0" / ( "1"-"9" *4DIGIT )      ; at most 65535, "heading zeroes are not permitted"
 */

import { isIpv4, isIpv6 } from "../../base/ip-network.ts";
import type { ProxyHeader } from "../../request/request-head.ts";
import { invalidProxyLine } from "./refusals.ts";

/** The spec's worst case with its CRLF, `PROXY UNKNOWN` with two full IPv6 addresses: beyond it a line is invalid. */
export const LINE_BYTES_MAX = 107;
const PORT_MAX = 65535;
/** PROXY, the protocol, two addresses, two ports. */
const WORDS = 6;

/**
 * @param line  Without its CRLF, latin-1: `"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443"`.
 * @throws {ProtocolError} `bad-proxy-header`.
 */
export function parseTextLine(line: string): ProxyHeader {
  const words = line.split(" ");
  const [, protocol = "", clientAddress = "", proxyAddress = "", clientPort = "", proxyPort = ""] = words;
  if (protocol === "UNKNOWN") return { protocol, addresses: undefined };
  if (words.length !== WORDS) throw invalidProxyLine(line);
  if (protocol !== "TCP4" && protocol !== "TCP6") throw invalidProxyLine(`protocol '${protocol}' not supported`);
  const isAddress = protocol === "TCP4" ? isIpv4 : isIpv6;
  if (!isAddress(clientAddress) || !isAddress(proxyAddress)) throw invalidProxyLine(line);
  return {
    protocol,
    addresses: { clientAddress, clientPort: parsePort(clientPort, line), proxyAddress, proxyPort: parsePort(proxyPort, line) },
  };
}

function parsePort(text: string, line: string): number {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= PORT_MAX)) throw invalidProxyLine(`invalid port ${line}`);
  return port;
}
