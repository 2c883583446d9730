/**
 * Bytes that the kernel holds for clients which have not acknowledged them: out of Linux's table of TCP connections, because Node cannot
 * ask a socket (SIOCOUTQ). The whole table is read at once, and only when somebody is to be judged by it.
 */

import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { isIpv4, parseIpNetwork } from "../base/ip-network.ts";

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/** One reading serves all who are judged within this time: ten thousand connections take the kernel about ten milliseconds. */
const READING_MS = 1000;
/** `  7: 0100007F:1F90 0100007F:A2DB 01 003D7E00:00000000 ...`: local and remote address, state, bytes to be sent. Established ones. */
const ROW = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) 01 ([0-9A-F]{8}):/gm;

export class SendQueues {
  readonly #read: () => string;
  #readMs = Number.NEGATIVE_INFINITY;
  #bytes = new Map<string, number>();

  /** @param read  Gives the table's rows, `""` where there is none. */
  constructor(read: () => string = readTables) {
    this.#read = read;
  }

  /** @returns undefined where it cannot be known: on other systems, and for unix sockets. */
  bytesOf(socket: Pick<Socket, "localPort" | "remoteAddress" | "remotePort">, nowMs: number): number | undefined {
    const { localPort, remoteAddress, remotePort } = socket;
    if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined;
    if (nowMs - this.#readMs >= READING_MS) this.#readAll(nowMs);
    return this.#bytes.get(`${hexPort(localPort)} ${hexAddress(remoteAddress)}:${hexPort(remotePort)}`);
  }

  #readAll(nowMs: number): void {
    this.#readMs = nowMs;
    this.#bytes = new Map();
    for (const [, localPort, remote, bytes = ""] of this.#read().matchAll(ROW)) {
      this.#bytes.set(`${localPort} ${remote}`, Number.parseInt(bytes, 16));
    }
  }
}

/** Of this process's network. */
export const sendQueues = new SendQueues();

function readTables(): string {
  return TABLES.map((path) => {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return "";
    }
  }).join("");
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

/** As the kernel of a little-endian machine, which Node's all are, prints it: `127.0.0.1` is `0100007F`, IPv6 is four such words. */
function hexAddress(address: string): string {
  const [ip = ""] = address.split("%");
  if (!isIpv4(ip) && !ip.includes(":")) return "";
  const { words } = parseIpNetwork(ip);
  return words.map((word) => [0, 8, 16, 24].map((shift) => hexByte((word >>> shift) & 255)).join("")).join("");
}

function hexByte(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
