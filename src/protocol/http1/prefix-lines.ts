/** The lines that the gateway puts before the application's: the same for most responses of one second, so kept. */

/** Value of the Server header. */
export const SERVER = "tunicorn";

/** Longer status lines are made anew each time, so that what is kept is small: real ones have a tenth of this. */
const STATUS_CHARACTERS_MAX = 256;

interface KeptPrefix {
  protocol: string;
  status: string;
  date: string;
  text: string;
}

/** The last prefix for each of the four combinations of keep-alive and chunked. */
const kept: readonly KeptPrefix[] = Array.from({ length: 4 }, () => ({ protocol: "", status: "", date: "", text: "" }));

/**
 * @param status  `"200 OK"`
 * @param date    Date header's value.
 * @returns       `"HTTP/1.1 200 OK\r\nServer: tunicorn\r\nDate: ...\r\nConnection: close\r\n"` and, if chunked, Transfer-Encoding. Gunicorn's order.
 */
export function prefixLines(protocol: string, status: string, date: string, keepAlive: boolean, chunked: boolean): string {
  if (status.length > STATUS_CHARACTERS_MAX) return makeLines(protocol, status, date, keepAlive, chunked);
  const prefix = kept[(keepAlive ? 2 : 0) + (chunked ? 1 : 0)]!;
  if (prefix.status !== status || prefix.date !== date || prefix.protocol !== protocol) {
    prefix.protocol = protocol;
    prefix.status = status;
    prefix.date = date;
    prefix.text = makeLines(protocol, status, date, keepAlive, chunked);
  }
  return prefix.text;
}

function makeLines(protocol: string, status: string, date: string, keepAlive: boolean, chunked: boolean): string {
  const connection = keepAlive ? "keep-alive" : "close";
  const framing = chunked ? "Transfer-Encoding: chunked\r\n" : "";
  return `${protocol} ${status}\r\nServer: ${SERVER}\r\nDate: ${date}\r\nConnection: ${connection}\r\n${framing}`;
}
