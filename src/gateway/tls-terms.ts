/** What the gateway offers to clients that connect by TLS: certificates by name, client certificates, protocols. */

import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type TLSSocketOptions } from "node:tls";
import type { KeyPair, TlsMaterial } from "../wire/tls-material.ts";
import { HTTP1_BY_TLS } from "./limits-from-settings.ts";

/** Names the sessions that are this server's: OpenSSL wants one where client certificates are asked for. */
const SESSION_ID_CONTEXT = "tunicorn";

export class TlsTerms {
  /** From the connection to the end of its handshake (`handshake_timeout`). */
  readonly handshakeMs: number;
  readonly #protocols: readonly string[];
  #material: TlsMaterial;
  #context: SecureContext;
  #hosts: ReadonlyMap<string, SecureContext>;

  /**
   * @param material   Tried out by the master.
   * @param protocols  By their names in ALPN (RFC 7301), those that are preferred first: the client's order does not count.
   */
  constructor(material: TlsMaterial, handshakeMs: number, protocols: readonly string[]) {
    this.handshakeMs = handshakeMs;
    this.#protocols = protocols;
    this.#material = material;
    this.#context = contextOf(material.pairs, material);
    this.#hosts = hostContexts(material);
  }

  /** For connections from now on; those that are open keep what they were made with. */
  update(material: TlsMaterial): void {
    this.#context = contextOf(material.pairs, material);
    this.#hosts = hostContexts(material);
    this.#material = material;
  }

  get asksForCertificate(): boolean {
    return this.#material.clientCertificates !== "unwanted";
  }

  /** For one connection. */
  options(): TLSSocketOptions {
    return {
      isServer: true,
      secureContext: this.#context,
      requestCert: this.asksForCertificate,
      // OpenSSL refuses a client without a certificate; whether one that was sent is trusted is looked at afterwards.
      rejectUnauthorized: this.#material.clientCertificates === "required",
      ALPNProtocols: this.#offered(),
      ...(this.#hosts.size === 0 ? {} : { SNICallback: (name, callback) => callback(null, this.#contextFor(name)) }),
    };
  }

  /** The hook's choice of what the settings allow; a client that knows nothing else gets HTTP/1.1, as with `http_protocols=h2`. */
  #offered(): string[] {
    const { protocols } = this.#material;
    if (protocols === undefined) return [...this.#protocols];
    return [...new Set([...protocols.filter((name) => this.#protocols.includes(name)), HTTP1_BY_TLS])];
  }

  /** @param name  As the client asks for it; a certificate for `*.example.org` is for one label (RFC 9525 §6.3). */
  #contextFor(name: string): SecureContext {
    const lower = name.toLowerCase();
    return this.#hosts.get(lower) ?? this.#hosts.get(lower.replace(/^[^.]+/, "*")) ?? this.#context;
  }
}

function hostContexts(material: TlsMaterial): ReadonlyMap<string, SecureContext> {
  return new Map(material.hosts.map((host) => [host.name, contextOf([host], material)]));
}

/** TLS 1.2 and 1.3, Node's default, which is Python's too, unless the hook says something else. */
function contextOf(pairs: readonly KeyPair[], { ca, ciphers, special, ticketKeys }: TlsMaterial): SecureContext {
  return createSecureContext({
    ...special,
    cert: pairs.map(({ cert }) => cert),
    key: pairs.map(({ key }) => key),
    // An empty list: without one, Node would trust the public authorities for client certificates.
    ca: ca ?? [],
    ...(ciphers === undefined ? {} : { ciphers }),
    ticketKeys: Buffer.from(ticketKeys, "base64"),
    sessionIdContext: SESSION_ID_CONTEXT,
    honorCipherOrder: true,
    // HTTP/2 forbids it (RFC 9113 §9.2.1) and nobody needs it; Node allows it where OpenSSL by itself does not.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (special.secureOptions ?? 0),
  });
}
