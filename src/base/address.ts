/** Addresses to listen on, as `--bind` writes them. */

import { isIpv6 } from "./ip-network.ts";
import { parseInteger, reprString } from "./python-repr.ts";

export type BindAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "tcp6"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

export const DEFAULT_PORT = 8000;
const PORT_MAX = 65535;

/**
 * Reads one address: `"127.0.0.1:8000"`, `"[::1]:80"`, `"unix:/run/app.sock"`, `"fd://3"`, `"tcp://host:1"`.
 *
 * A name without a port is a host, even `"8000"`; an empty host listens on every IPv4 interface; hosts are lower-cased.
 *
 * @throws {Error} Gunicorn's texts: `'http' is not a valid port number.`, `'x' is not a valid file descriptor.`
 */
export function parseBindAddress(text: string, defaultPort: number = DEFAULT_PORT): BindAddress {
  if (text.startsWith("unix:")) return { kind: "unix", path: text.split(/unix:(?:\/\/)?/).at(-1) ?? "" };
  if (text.startsWith("fd://")) {
    const fd = parseInteger(text.slice("fd://".length), 10);
    if (fd === undefined || fd < 0n) throw new Error(`${reprString(text.slice("fd://".length))} is not a valid file descriptor.`);
    return { kind: "fd", fd: Number(fd) };
  }
  const { host, port } = splitHostPort(text.startsWith("tcp://") ? (text.split("tcp://")[1] ?? "") : text, String(defaultPort));
  const number = parseInteger(port, 10);
  if (number === undefined || number < 0n || number > PORT_MAX) throw new Error(`${reprString(port)} is not a valid port number.`);
  return { kind: isIpv6(host) ? "tcp6" : "tcp", host: host.toLowerCase(), port: Number(number) };
}

function splitHostPort(text: string, defaultPort: string): { host: string; port: string } {
  if (text.includes("[") && text.includes("]")) {
    return { host: (text.split("]")[0] ?? "").slice(1), port: text.split("]:")[1] ?? defaultPort };
  }
  if (text === "") return { host: "0.0.0.0", port: defaultPort };
  const [host = "", port = defaultPort] = text.split(":");
  return { host, port };
}

/** How Gunicorn names a listener: `http://127.0.0.1:8000`, `https://[::1]:8443`, `unix:/p`. */
export function addressUrl(address: BindAddress, scheme: "http" | "https" = "http"): string {
  switch (address.kind) {
    case "tcp":
      return `${scheme}://${address.host}:${address.port}`;
    case "tcp6":
      return `${scheme}://[${address.host}]:${address.port}`;
    case "unix":
      return `unix:${address.path}`;
    case "fd":
      return `fd://${address.fd}`;
  }
}

/** How Gunicorn's messages about binding name an address, which is Python's `str()` of it: `('127.0.0.1', 8000)`, `/p`, `3`. */
export function addressInMessages(address: BindAddress): string {
  switch (address.kind) {
    case "tcp":
    case "tcp6":
      return `(${reprString(address.host)}, ${address.port})`;
    case "unix":
      return address.path;
    case "fd":
      return String(address.fd);
  }
}
