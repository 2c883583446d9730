/** One answer at the start of the bytes of a connection. */
export interface HttpResponse {
  readonly status: number;
  readonly body: Buffer;
  /** Where the next answer starts. */
  readonly endBytes: number;
  /** Whether the connection can be used again. */
  readonly keepAlive: boolean;
}

/**
 * Reads one answer, if all of it is there. Only what the bench's applications send: a Content-Length, no chunked coding.
 *
 * @param bytes  everything received since the last answer
 * @returns      undefined when more bytes are needed
 * @throws {Error} when it is no HTTP/1 answer, or has no Content-Length
 */
export function readHttpResponse(bytes: Buffer): HttpResponse | undefined {
  const headBytes = bytes.indexOf("\r\n\r\n");
  if (headBytes < 0) return undefined;
  const head = bytes.latin1Slice(0, headBytes);
  const [, minor, status] = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: |\r|$)/.exec(head) ?? [];
  if (minor === undefined || status === undefined) throw new Error(`the answer starts with ${JSON.stringify(head.slice(0, 60))}`);
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer with status ${status} has no Content-Length`);
  const bodyStart = headBytes + 4;
  const endBytes = bodyStart + Number(length);
  if (bytes.length < endBytes) return undefined;
  const connection = /\r\nconnection: *([^\r]*)/i.exec(head)?.[1]?.toLowerCase();
  return {
    status: Number(status),
    body: bytes.subarray(bodyStart, endBytes),
    endBytes,
    keepAlive: minor === "1" ? connection !== "close" : connection === "keep-alive",
  };
}
