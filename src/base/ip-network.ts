/** IP networks in CIDR notation, as strict as Python's `ipaddress`, and the test whether a peer is in a list of them. */

import { reprString } from "./python-repr.ts";

/** An address as 32-bit words, most significant first: one for IPv4, four for IPv6. */
type Words = readonly number[];

export interface IpNetwork {
  readonly words: Words;
  readonly masks: Words;
}

/**
 * Reads an IPv4 address in dotted decimal.
 *
 * @returns undefined unless it is four numbers up to 255 without leading zeros (`010` means 8 to some readers and 10 to others).
 */
function parseIpv4(text: string): number | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let word = 0;
  for (const octet of octets) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(octet) || Number(octet) > 255) return undefined;
    word = word * 256 + Number(octet);
  }
  return word;
}

const IPV6_GROUPS = 8;

/** Reads an IPv6 address (RFC 4291 §2.2) without a zone: `::1`, `2001:db8::ffff:10.0.0.1`. Undefined when it is none. */
function parseIpv6(text: string): Words | undefined {
  const groups: number[] = [];
  let gapAt = -1;
  let parts = text.split(":");
  if (parts.length < 3 || parts.length > IPV6_GROUPS + 2) return undefined;
  const last = parts.at(-1) ?? "";
  if (last.includes(".")) {
    const embedded = parseIpv4(last);
    if (embedded === undefined) return undefined;
    parts = [...parts.slice(0, -1), (embedded >>> 16).toString(16), (embedded & 0xffff).toString(16)];
  }
  for (const [index, part] of parts.entries()) {
    if (part !== "") {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    } else if (index === 0) {
      if (parts[1] !== "") return undefined;
    } else if (index === parts.length - 1) {
      if (parts[index - 1] !== "") return undefined;
    } else {
      if (gapAt >= 0) return undefined;
      gapAt = groups.length;
    }
  }
  // "::" stands for at least one group, so eight written groups leave no room for it.
  if (gapAt < 0 ? groups.length !== IPV6_GROUPS : groups.length >= IPV6_GROUPS) return undefined;
  if (gapAt >= 0) groups.splice(gapAt, 0, ...new Array<number>(IPV6_GROUPS - groups.length).fill(0));
  return [0, 2, 4, 6].map((index) => ((groups[index] ?? 0) * 0x10000 + (groups[index + 1] ?? 0)) >>> 0);
}

/** Whether the text is an IPv6 address, as `inet_pton` sees it: no zone. */
export function isIpv6(text: string): boolean {
  return parseIpv6(text) !== undefined;
}

/** Whether the text is an IPv4 address, as `inet_pton` sees it: four decimal numbers. */
export function isIpv4(text: string): boolean {
  return parseIpv4(text) !== undefined;
}

/** Reads an IPv4 or IPv6 address. A zone (`fe80::1%eth0`) is refused here: networks have none. */
function parseIp(text: string): Words | undefined {
  const word = parseIpv4(text);
  return word === undefined ? parseIpv6(text) : [word];
}

function maskWords(prefixBits: number, wordCount: number): Words {
  return Array.from({ length: wordCount }, (_, index) => {
    const bits = Math.min(32, Math.max(0, prefixBits - index * 32));
    return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  });
}

/** Reads what stands behind the slash: `24`, or for IPv4 a netmask `255.255.255.0` or host mask `0.0.0.255`. */
function parsePrefix(text: string, wordCount: number): number | undefined {
  if (/^[0-9]+$/.test(text)) {
    const bits = Number(text);
    return bits <= wordCount * 32 ? bits : undefined;
  }
  const mask = wordCount === 1 ? parseIpv4(text) : undefined;
  if (mask === undefined) return undefined;
  const netmasks = Array.from({ length: 33 }, (_, bits) => maskWords(bits, 1)[0]);
  const bits = netmasks.indexOf(mask);
  const hostBits = bits >= 0 ? bits : netmasks.indexOf(~mask >>> 0);
  return hostBits >= 0 ? hostBits : undefined;
}

/** Writes an address as Python does: IPv6 in lower case with its longest run of zero groups as `::` (RFC 5952). */
function formatWords(words: Words): string {
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => ((words[0] ?? 0) >>> shift) & 255).join(".");
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = { at: 0, length: 1 };
  for (let at = 0; at < groups.length; at += 1) {
    let length = 0;
    while (groups[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length === 1) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

/** Writes an IPv4 address from its four bytes: `192.0.2.1`. */
export function ipv4Text(bytes: Uint8Array): string {
  return formatWords([readWord(bytes, 0)]);
}

/**
 * Writes an IPv6 address from its 16 bytes as `inet_ntop` does: Python's form, but what holds an IPv4 address
 * (`::ffff:192.0.2.1`, and RFC 4291's old `::192.0.2.1`) shows it.
 */
export function ipv6Text(bytes: Uint8Array): string {
  const words = [0, 4, 8, 12].map((at) => readWord(bytes, at));
  const ipv4 = readWord(bytes, 12);
  const compatible = words[2] === 0 && ipv4 > 0xffff;
  if (words[0] !== 0 || words[1] !== 0 || (words[2] !== 0xffff && !compatible)) return formatWords(words);
  return `${compatible ? "::" : "::ffff:"}${formatWords([ipv4])}`;
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes.subarray(at, at + 4).reduce((word, byte) => word * 256 + byte, 0);
}

/**
 * Reads one network: `"10.0.0.0/8"`, `"192.168.1.7"` (one address), `"2001:db8::/32"`.
 *
 * @throws {Error} Python's texts: `'foo' does not appear to be an IPv4 or IPv6 network`, `10.0.0.1/8 has host bits set`.
 */
export function parseIpNetwork(text: string): IpNetwork {
  const [address = "", prefix, ...rest] = text.split("/");
  const words = rest.length === 0 ? parseIp(address) : undefined;
  const prefixBits = words && (prefix === undefined ? words.length * 32 : parsePrefix(prefix, words.length));
  if (words === undefined || prefixBits === undefined) throw new Error(`${reprString(text)} does not appear to be an IPv4 or IPv6 network`);
  const masks = maskWords(prefixBits, words.length);
  if (words.some((word, index) => (word & (masks[index] ?? 0)) >>> 0 !== word)) {
    throw new Error(`${formatWords(words)}/${prefixBits} has host bits set`);
  }
  return { words, masks };
}

/** Peers that are trusted with something: the meaning of `forwarded_allow_ips` and its kind. */
export class PeerAllowList {
  readonly #everybody: boolean;
  readonly #networks: readonly IpNetwork[];
  /** Entries as written, so that the usual `127.0.0.1` is found without parsing the peer. */
  readonly #literal: ReadonlySet<string>;

  /**
   * @param entries  Networks, or `*` for everybody.
   * @throws {Error} As parseIpNetwork.
   */
  constructor(entries: readonly string[]) {
    this.#everybody = entries.includes("*");
    this.#literal = new Set(entries);
    this.#networks = entries.filter((entry) => entry !== "*").map(parseIpNetwork);
  }

  /** Whether the peer's address (`"127.0.0.1"`, `"::1"`) is in the list. IPv4 mapped into IPv6 is IPv6 here, as it is in Gunicorn. */
  matches(address: string): boolean {
    if (this.#everybody || this.#literal.has(address)) return true;
    const words = parseIp(address.replace(/%.*$/, ""));
    return words !== undefined && this.#networks.some((network) => contains(network, words));
  }
}

function contains(network: IpNetwork, words: Words): boolean {
  if (words.length !== network.words.length) return false;
  for (let index = 0; index < words.length; index += 1) {
    if (((words[index] ?? 0) & (network.masks[index] ?? 0)) >>> 0 !== network.words[index]) return false;
  }
  return true;
}
