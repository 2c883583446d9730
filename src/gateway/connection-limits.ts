/** Time limits of a client's connection, milliseconds. */
export interface ConnectionLimits {
  /** Idle between two requests (`keepalive`). 0: connections are closed after each response. */
  readonly idleMs: number;
  /** From the connection, or the first byte of a request, to the end of its head (`head_timeout`). */
  readonly headMs: number;
  /** A client that takes none of the bytes that wait for it (`write_timeout`). */
  readonly writeMs: number;
}

/** After its FIN a client may still read the answer; a request that is still queued this long after is given up (design §4). */
export const DEPARTED_AFTER_FIN_MS = 5000;

/** How long an idle connection may still bring a request that was under way when the stop began. */
export const DRAIN_LINGER_MS = 250;

/** After a refusal the client's remaining bytes are read for this long, so that a reset does not eat the page (RFC 9112 §9.6). */
export const LINGER_MS = 2000;
/** Bytes of pipelined requests that are held while one is served; beyond it the socket is not read. */
export const PIPELINED_BYTES_MAX = 65536;

/** Response bytes that a client has not taken while its next request is already here: beyond it that request waits. */
export const UNSENT_BYTES_MAX = 65536;

/** Of a request body that nobody wants, this much is read to save the connection; beyond it the connection is closed (Gunicorn's gthread: 64 KiB). */
export const UNWANTED_BODY_BYTES_MAX = 65536;
