import type { ErrorName } from "./frame-types.ts";

/** The client broke a rule that the whole connection depends on (RFC 9113 §5.4.1): it gets GOAWAY, and is closed. */
export class ConnectionError extends Error {
  readonly code: ErrorName;

  /** @param message  What was seen, for the log: `PING of 7 bytes`. */
  constructor(code: ErrorName, message: string) {
    super(message);
    this.name = "ConnectionError";
    this.code = code;
  }
}
