/** The numbers of HTTP/2 (RFC 9113 §6, §7 and §11): frame types, flags, settings, error codes. */

/** Octets of a frame's head: length, type, flags, stream. */
export const FRAME_HEAD_BYTES = 9;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  /** RFC 8441 §3. */
  enableConnectProtocol: 8,
} as const;

/** Octets of one setting in a SETTINGS frame. */
export const SETTING_BYTES = 6;
export const PING_BYTES = 8;
/** Of a PRIORITY frame, and of the same fields in HEADERS. */
export const PRIORITY_BYTES = 5;
/** Last stream and error code; what follows in GOAWAY is text for people. */
export const GOAWAY_BYTES_MIN = 8;
/** A window's increment, an error code. */
export const WORD_BYTES = 4;

/** RFC 9113 §6.9.1. */
export const WINDOW_MAX = 2 ** 31 - 1;
/** Of stream and connection, before anybody says anything else (RFC 9113 §6.9.2). */
export const WINDOW_DEFAULT = 65535;
/** RFC 9113 §4.2. */
export const FRAME_BYTES_MIN = 16384;
export const FRAME_BYTES_CAP = 2 ** 24 - 1;
export const STREAM_ID_MAX = 2 ** 31 - 1;

export const ERROR = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

export type ErrorName = keyof typeof ERROR;
