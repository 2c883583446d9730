/** What applications are told of a connection's TLS: Apache's variables, as PEP 3333 ("environ Variables") asks for; Gunicorn has none. */

import type { TlsFacts } from "../request/request-head.ts";
import { marshalKey, marshalText, marshalUtf8 } from "./marshal.ts";

/** @returns marshalled keys and values: SSL_PROTOCOL, SSL_CIPHER, and with a client's certificate SSL_CLIENT_VERIFY, _S_DN and _CERT. */
export function tlsVariables({ version, cipher, clientChain, clientName }: TlsFacts): string {
  const [certificate] = clientChain;
  const agreed = entry("SSL_PROTOCOL", version) + entry("SSL_CIPHER", cipher);
  if (certificate === undefined) return agreed;
  const name = marshalKey("SSL_CLIENT_S_DN") + marshalUtf8(Buffer.from(clientName ?? "", "utf8").latin1Slice());
  return agreed + entry("SSL_CLIENT_VERIFY", "SUCCESS") + name + entry("SSL_CLIENT_CERT", certificate);
}

function entry(key: string, value: string): string {
  return marshalKey(key) + marshalText(value);
}
