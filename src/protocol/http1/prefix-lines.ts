/** The lines that the gateway puts before the application's: the same for most responses of one second, so kept. */

/** Value of the Server header. */
const SERVER = "tunicorn";

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
  const prefix = kept[(keepAlive ? 2 : 0) + (chunked ? 1 : 0)]!;
  if (prefix.status !== status || prefix.date !== date || prefix.protocol !== protocol) {
    const connection = keepAlive ? "keep-alive" : "close";
    const framing = chunked ? "Transfer-Encoding: chunked\r\n" : "";
    prefix.protocol = protocol;
    prefix.status = status;
    prefix.date = date;
    prefix.text = `${protocol} ${status}\r\nServer: ${SERVER}\r\nDate: ${date}\r\nConnection: ${connection}\r\n${framing}`;
  }
  return prefix.text;
}
