/** What a finished handshake has agreed upon, for the application. */

import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { TlsFacts } from "../request/request-head.ts";

/** TLS of a client without a certificate: OpenSSL has nothing to verify then. */
interface NodeSocket {
  readonly ssl?: { verifyError(): (Error & { readonly code?: string }) | null };
}

/** @returns why the client's certificate is not trusted; undefined when it is, or when the client has none. */
export function verifyError(socket: TLSSocket): string | undefined {
  if (socket.getPeerX509Certificate() === undefined) return undefined;
  const error = (socket as NodeSocket).ssl?.verifyError();
  return error === null || error === undefined ? undefined : (error.code ?? error.message);
}

export function tlsFacts(socket: TLSSocket): TlsFacts {
  const certificate = socket.getPeerX509Certificate();
  const server = socket.getX509Certificate();
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().standardName,
    serverCertificate: server === undefined ? undefined : pemOf(server),
    clientChain: certificate === undefined ? [] : chainOf(certificate).map(pemOf),
    clientName: certificate === undefined ? undefined : distinguishedName(certificate.subject),
  };
}

function pemOf(certificate: X509Certificate): string {
  return certificate.toString();
}

/** The client's own first, then whoever has issued each, as far as they were sent. */
function chainOf(certificate: X509Certificate): X509Certificate[] {
  const chain = [certificate];
  for (let issuer = certificate.issuerCertificate; issuer !== undefined; issuer = issuer.issuerCertificate) {
    if (chain.some(({ fingerprint256 }) => fingerprint256 === issuer?.fingerprint256)) break;
    chain.push(issuer);
  }
  return chain;
}

/**
 * @param lines  As Node writes a name: one attribute on each line, in the certificate's order, values escaped: `"C=CH\nCN=me"`.
 * @returns      RFC 4514 §2.1, the other way round: `"CN=me,C=CH"`.
 */
export function distinguishedName(lines: string): string {
  return lines.split("\n").reverse().join(",");
}
