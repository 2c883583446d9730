/** What an HTTP/2 client may send: Gunicorn's settings, and the limits that follow from them. */

import type { Http1Policy } from "../http1/policy.ts";
import { WINDOW_DEFAULT } from "./frame-types.ts";

/** The settings as the user gives them; names are Gunicorn's. */
export interface Http2Settings {
  /** Requests that one client may have open at once. */
  readonly maxConcurrentStreams: number;
  /** Body bytes that a client may send on one stream before any is taken. */
  readonly initialWindowSize: number;
  /** Longest frame that a client may send. */
  readonly maxFrameSize: number;
  /** Size of a request's fields, each with 32 bytes of overhead (RFC 9113 §6.5.2). 0 = not announced, and the default holds. */
  readonly maxHeaderListSize: number;
  /** Whether clients may ask for another protocol on a stream (RFC 8441), as WebSocket does. */
  readonly extendedConnect: boolean;
}

/** The settings with their limits worked out. Made once, used by every connection. */
export interface Http2Policy extends Http2Settings {
  /** What holds for methods, targets and fields whatever the protocol. */
  readonly request: Http1Policy;
  readonly headerListBytesMax: number;
  /** Bytes of a header block as it comes, over all its frames. */
  readonly headerBlockBytesMax: number;
  /** Body bytes that a client may send on all streams together before any is taken. */
  readonly connectionWindow: number;
}

/** Where the setting says "not announced". */
const HEADER_LIST_BYTES_DEFAULT = 65536;
/** What one connection's bodies may hold of our memory: sixteen streams with a full window, which is more than any client uploads at once. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

export function http2Policy(settings: Http2Settings, request: Http1Policy): Http2Policy {
  const headerListBytesMax = settings.maxHeaderListSize === 0 ? HEADER_LIST_BYTES_DEFAULT : settings.maxHeaderListSize;
  return {
    ...settings,
    request,
    headerListBytesMax,
    // Any list that is allowed fits once; twice, so that a client whose fields are somewhat too large is told 431 and keeps its connection.
    headerBlockBytesMax: 2 * headerListBytesMax,
    connectionWindow: Math.max(CONNECTION_WINDOW_BYTES, settings.initialWindowSize, WINDOW_DEFAULT),
  };
}
