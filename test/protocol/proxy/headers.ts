/** Makes PROXY headers for the tests, sound and unsound, as latin-1 text. */

export const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** @param versionAndCommand  0x21 = version 2, PROXY. @param combination  0x11 = TCP over IPv4. @param length  What is announced. */
export function binaryHeader(versionAndCommand: number, combination: number, block: string, length: number = block.length): string {
  return SIGNATURE + String.fromCharCode(versionAndCommand, combination, length >>> 8, length & 0xff) + block;
}

export function port(value: number): string {
  return String.fromCharCode(value >>> 8, value & 0xff);
}

/** 192.0.2.1:40001 to 198.51.100.2:443 */
export const IPV4_BLOCK = `\xc0\x00\x02\x01\xc6\x33\x64\x02${port(40001)}${port(443)}`;
/** [2001:db8::1]:40001 to [2001:db8::2]:443 */
export const IPV6_BLOCK = `${ipv6(1)}${ipv6(2)}${port(40001)}${port(443)}`;

function ipv6(last: number): string {
  return `\x20\x01\x0d\xb8${"\0".repeat(11)}${String.fromCharCode(last)}`;
}

/** One type-length-value of a binary header's end. */
export function tlv(type: number, value: string): string {
  return String.fromCharCode(type) + port(value.length) + value;
}
