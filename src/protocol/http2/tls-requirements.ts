/** What HTTP/2 asks of what a handshake has agreed upon (RFC 9113 §9.2). */

import type { TlsFacts } from "../../request/request-head.ts";

/**
 * The suites of TLS 1.2 that RFC 9113 Appendix A does not list: a key exchange that is forgotten, and a cipher that authenticates. Names
 * are IANA's: `"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"`, `"TLS_DHE_RSA_WITH_AES_256_CCM_8"`.
 */
const ADEQUATE_SUITE = /^TLS_(?:EC)?DHE_\w+_WITH_(?:\w+_GCM_\w+|\w+_CCM(?:_8)?|CHACHA20_POLY1305_\w+)$/;

/** @returns why HTTP/2 is not to be spoken over this TLS, for the log; undefined when it may be. */
export function tlsInadequacy({ version, cipher }: TlsFacts): string | undefined {
  if (version === "TLSv1.3") return undefined;
  if (version !== "TLSv1.2") return `HTTP/2 over ${version}`;
  return ADEQUATE_SUITE.test(cipher) ? undefined : `HTTP/2 over ${cipher}`;
}
