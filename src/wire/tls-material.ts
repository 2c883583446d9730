/** What the master has read of certificates and keys and hands to gateways, which may not read them: they run as `user`. */

/** PEM text. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface TlsMaterial extends KeyPair {
  /** Authorities of client certificates; undefined: none is trusted. */
  readonly ca: string | undefined;
  /** `cert_reqs`: 0, 1 and 2. */
  readonly clientCertificates: "unwanted" | "optional" | "required";
  /** An OpenSSL list, for TLS up to 1.2. */
  readonly ciphers: string | undefined;
  /** Other certificates, by the name that the client asks for (SNI, RFC 6066 §3): `example.org`, `*.example.org`. */
  readonly hosts: readonly (KeyPair & { readonly name: string })[];
  /** 48 bytes in base64, for all gateways: a session begun with one is resumed by any. */
  readonly ticketKeys: string;
}
