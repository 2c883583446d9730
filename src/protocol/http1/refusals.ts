/**
 * The errors of a refused request, in Gunicorn's words (protocols §1.9): each function is one of its exception classes.
 *
 * Offending text is quoted as Python's `repr()` does, so that control characters never reach a log or a page raw.
 */

import { reprString } from "../../base/python-repr.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../request/protocol-error.ts";

/** `repr()` of Python bytes, given as latin-1 text: `b'5\n\xff'`. */
function reprBytes(text: string): string {
  return `b${reprString(text).replace(/[\x80-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)}`;
}

/** @param line  The request line without its CRLF, or what is wrong with it. */
export function invalidRequestLine(line: string): ProtocolError {
  const text = `Invalid HTTP request line: ${reprString(line)}`;
  return new ProtocolError("bad-request-line", text, `Invalid Request Line '${text}'`);
}

export function invalidMethod(method: string): ProtocolError {
  const text = `Invalid HTTP method: ${reprString(method)}`;
  return new ProtocolError("bad-method", text, `Invalid Method '${text}'`);
}

/** The last part of the request line is not `HTTP/d.d`. */
export function malformedVersion(version: string): ProtocolError {
  return invalidVersion(reprString(version));
}

/** A version that we do not speak; Gunicorn shows it as a tuple: `(2, 0)`. */
export function unsupportedVersion(major: number, minor: number): ProtocolError {
  return invalidVersion(`(${major}, ${minor})`);
}

function invalidVersion(shown: string): ProtocolError {
  const text = `Invalid HTTP Version: ${shown}`;
  return new ProtocolError("bad-version", text, `Invalid HTTP Version '${text}'`);
}

/** @param seenBytes  The line's length as far as it had come. */
export function requestLineTooLong(seenBytes: number, bytesMax: number): ProtocolError {
  return new ProtocolError("request-line-too-long", `Request Line is too large (${seenBytes} > ${bytesMax})`);
}

/** @param shown  Name or line of the field. */
export function invalidHeader(shown: string, code: ProtocolErrorCode = "bad-header"): ProtocolError {
  return new ProtocolError(code, `Invalid HTTP Header: ${reprString(shown)}`);
}

export function invalidHeaderName(shown: string, code: ProtocolErrorCode = "bad-header-name"): ProtocolError {
  return new ProtocolError(code, `Invalid HTTP header name: ${reprString(shown)}`);
}

export function obsoleteFolding(name: string): ProtocolError {
  return new ProtocolError("obsolete-folding", `Obsolete line folding is unacceptable: ${reprString(name)}`);
}

/** @param text  Which limit: `limit request headers fields`. */
export function headersTooLarge(text: string): ProtocolError {
  return new ProtocolError("headers-too-large", text, `Error parsing headers: '${text}'`);
}

export function contradictorySchemes(): ProtocolError {
  return new ProtocolError("bad-scheme-headers", "Contradictory scheme headers");
}

export function expectationFailed(value: string): ProtocolError {
  return new ProtocolError("expectation-failed", `Unable to comply with expectation: ${reprString(value)}`);
}

export function unsupportedTransferCoding(value: string): ProtocolError {
  return new ProtocolError("unsupported-transfer-coding", `Unsupported transfer coding: ${reprString(value)}`);
}

export function invalidChunkSize(shown: string): ProtocolError {
  return new ProtocolError("bad-chunk", `Invalid chunk size: ${reprBytes(shown)}`);
}

export function invalidChunkExtension(reason: string): ProtocolError {
  return new ProtocolError("bad-chunk", `Invalid chunk extension: ${reason}`);
}

/** @param seen  The two bytes that should have been CRLF; fewer at the end of the input. */
export function missingChunkTerminator(seen: string): ProtocolError {
  return new ProtocolError("bad-chunk", `Invalid chunk terminator is not '\\r\\n': ${reprBytes(seen)}`);
}
