/**
 * Version 2 of the PROXY protocol: a binary block (proxy-protocol.txt §2.2).
 *
 *     byte 0-11    signature
 *     byte 12      version (must be 2), command (0 LOCAL, 1 PROXY)
 *     byte 13      address family (0 unspecified, 1 IPv4, 2 IPv6, 3 unix), transport (0 unspecified, 1 stream, 2 datagram)
 *     byte 14-15   how many bytes follow, big-endian
 *     byte 16-     both addresses, both ports, then TLVs
 *
 * TLVs (certificates, checksums, cloud provider's ids) are skipped, as Gunicorn does.
 */

import { ipv4Text, ipv6Text } from "../../base/ip-network.ts";
import type { ProxyAddresses, ProxyHeader } from "../../request/request-head.ts";
import { invalidProxyHeader } from "./refusals.ts";

export const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Up to and with the length. */
export const FIXED_BYTES = SIGNATURE.length + 4;

const VERSION = 2;
const LOCAL = 0;
const PROXY = 1;
const STREAM = 1;

/** Where the addresses are, for those combinations of family and transport that HTTP comes over. */
interface Layout {
  readonly protocol: "TCP4" | "TCP6";
  readonly family: string;
  readonly addressBytes: number;
  readonly text: (bytes: Uint8Array) => string;
}

const LAYOUTS: Readonly<Record<number, Layout>> = {
  17: { protocol: "TCP4", family: "IPv4", addressBytes: 4, text: ipv4Text },
  33: { protocol: "TCP6", family: "IPv6", addressBytes: 16, text: ipv6Text },
};

/**
 * Combinations whose connections are taken as they are: unspecified, which every receiver must know, as senders write it
 * (0x00) and as Gunicorn knows it (0x01); and unix streams, whose clients have no address that the environ could name.
 */
const WITHOUT_ADDRESSES: ReadonlySet<number> = new Set([0x00, 0x01, 0x31]);

/** What the fixed part announces. */
export interface BinaryBlock {
  readonly protocol: ProxyHeader["protocol"];
  /** Bytes that follow the fixed part and must be known to read the addresses; 0 when none count. */
  readonly addressesBytes: number;
  /** All bytes that follow the fixed part. */
  readonly followingBytes: number;
  /** @param bytes  `addressesBytes` bytes. */
  addresses(bytes: Uint8Array): ProxyAddresses | undefined;
}

/**
 * @param bytes  The first `FIXED_BYTES` bytes, which begin with the signature.
 * @throws {ProtocolError} `bad-proxy-header`.
 */
export function parseFixedPart(bytes: Buffer): BinaryBlock {
  const versionAndCommand = bytes.readUInt8(SIGNATURE.length);
  const combination = bytes.readUInt8(SIGNATURE.length + 1);
  const followingBytes = bytes.readUInt16BE(SIGNATURE.length + 2);
  const version = versionAndCommand >>> 4;
  const command = versionAndCommand & 0x0f;
  if (version !== VERSION) throw invalidProxyHeader(`unsupported version ${version}`);
  if (command === LOCAL) return withoutAddresses("LOCAL", followingBytes);
  if (command !== PROXY) throw invalidProxyHeader(`unsupported command ${command}`);
  if (WITHOUT_ADDRESSES.has(combination)) return withoutAddresses("UNSPEC", followingBytes);
  if ((combination & 0x0f) !== STREAM) throw invalidProxyHeader("only TCP protocol is supported");
  const layout = LAYOUTS[combination];
  if (layout === undefined) throw invalidProxyHeader(`unsupported address family ${combination >>> 4}`);
  const addressesBytes = 2 * layout.addressBytes + 4;
  if (followingBytes < addressesBytes) throw invalidProxyHeader(`insufficient address data for ${layout.family}`);
  return { protocol: layout.protocol, addressesBytes, followingBytes, addresses: (block) => readAddresses(block, layout) };
}

function withoutAddresses(protocol: "LOCAL" | "UNSPEC", followingBytes: number): BinaryBlock {
  return { protocol, addressesBytes: 0, followingBytes, addresses: () => undefined };
}

function readAddresses(bytes: Uint8Array, { addressBytes, text }: Layout): ProxyAddresses {
  const ports = new DataView(bytes.buffer, bytes.byteOffset + 2 * addressBytes, 4);
  return {
    clientAddress: text(bytes.subarray(0, addressBytes)),
    clientPort: ports.getUint16(0),
    proxyAddress: text(bytes.subarray(addressBytes, 2 * addressBytes)),
    proxyPort: ports.getUint16(2),
  };
}
