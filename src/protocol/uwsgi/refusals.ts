/** The errors of a refused uWSGI packet, in the words of Gunicorn's exceptions (protocols §7.2), with the status codes that those name. */

import { reprString } from "../../base/python-repr.ts";
import { ProtocolError } from "../../request/protocol-error.ts";

/** @param what  `"truncated key"` */
export function invalidPacket(what: string): ProtocolError {
  return new ProtocolError("bad-uwsgi-packet", `Invalid uWSGI header: ${what}`);
}

export function unsupportedModifier(modifier: number): ProtocolError {
  return new ProtocolError("unsupported-uwsgi-modifier", `Unsupported uWSGI modifier1: ${modifier}`);
}

/** The page does not repeat who asked: whoever may not speak to us need not learn how it is seen. */
export function forbiddenPeer(address: string): ProtocolError {
  return new ProtocolError("forbidden-uwsgi-peer", `uWSGI request from ${reprString(address)} not allowed`, "Request forbidden");
}
