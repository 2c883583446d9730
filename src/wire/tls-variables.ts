/** What applications are told of a connection's TLS. Gunicorn tells them nothing. */

import type { TlsFacts } from "../request/request-head.ts";
import { DICT_END, DICT_START, marshalInteger, marshalKey, marshalText, marshalUtf8, NONE, startList } from "./marshal.ts";

/** RFC 8446 §4.1.2 and §4.2.1: the numbers of versions; the first two only where the hook `ssl_context` asks for them. */
const VERSIONS: Readonly<Record<string, number>> = { TLSv1: 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 };
/** RFC 8446 §B.4, RFC 5289 §3.2, RFC 7905 §2: the suites that OpenSSL offers by default. */
const CIPHERS: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca8,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
};

/**
 * Apache's variables, as PEP 3333 ("environ Variables") asks for.
 *
 * @returns marshalled keys and values: SSL_PROTOCOL, SSL_CIPHER, and with a client's certificate SSL_CLIENT_VERIFY, _S_DN and _CERT.
 */
export function tlsVariables({ version, cipher, clientChain, clientName }: TlsFacts): string {
  const [certificate] = clientChain;
  const agreed = entry("SSL_PROTOCOL", version) + entry("SSL_CIPHER", cipher);
  if (certificate === undefined) return agreed;
  const name = marshalKey("SSL_CLIENT_S_DN") + marshalName(clientName ?? "");
  return agreed + entry("SSL_CLIENT_VERIFY", "SUCCESS") + name + entry("SSL_CLIENT_CERT", certificate);
}

function entry(key: string, value: string): string {
  return marshalKey(key) + marshalText(value);
}

/** @returns the marshalled key and value of the ASGI TLS extension, all but `client_cert_error`: a certificate with one is refused. */
export function tlsExtension({ version, cipher, serverCertificate, clientChain, clientName }: TlsFacts): string {
  return (
    marshalKey("tls") +
    DICT_START +
    marshalKey("server_cert") +
    textOrNone(serverCertificate) +
    marshalKey("client_cert_chain") +
    startList(clientChain.length) +
    clientChain.map(marshalText).join("") +
    marshalKey("client_cert_name") +
    (clientName === undefined ? NONE : marshalName(clientName)) +
    marshalKey("tls_version") +
    integerOrNone(VERSIONS[version]) +
    marshalKey("cipher_suite") +
    integerOrNone(CIPHERS[cipher]) +
    DICT_END
  );
}

function marshalName(name: string): string {
  return marshalUtf8(Buffer.from(name, "utf8").latin1Slice());
}

function textOrNone(text: string | undefined): string {
  return text === undefined ? NONE : marshalText(text);
}

function integerOrNone(value: number | undefined): string {
  return value === undefined ? NONE : marshalInteger(value);
}
