/** What the master has read of certificates and keys and hands to gateways, which may not read them: they run as `user`. */

/** PEM text. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** By Node's names (`tls.createSecureContext`). What is absent is the gateway's own. */
export interface SpecialTerms {
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /** Bits of OpenSSL's `SSL_OP_...`, besides the gateway's. */
  readonly secureOptions?: number;
  /** PEM. */
  readonly dhparam?: string;
  readonly ecdhCurve?: string;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export interface TlsMaterial {
  /** One for each kind of key (RSA, ECDSA): the client's suites decide. */
  readonly pairs: readonly KeyPair[];
  /** Authorities of client certificates; undefined: none is trusted. */
  readonly ca: string | undefined;
  /** `cert_reqs`: 0, 1 and 2. */
  readonly clientCertificates: "unwanted" | "optional" | "required";
  /** An OpenSSL list, for TLS up to 1.2. */
  readonly ciphers: string | undefined;
  /** What only the hook `ssl_context` can say. */
  readonly special: SpecialTerms;
  /** Those of the protocols by ALPN that the hook offers, in its order; undefined: all. */
  readonly protocols: readonly string[] | undefined;
  /** Other certificates, by the name that the client asks for (SNI, RFC 6066 §3): `example.org`, `*.example.org`. */
  readonly hosts: readonly (KeyPair & { readonly name: string })[];
  /** 48 bytes in base64, for all gateways: a session begun with one is resumed by any. */
  readonly ticketKeys: string;
}
