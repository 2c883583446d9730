/** TLS terms with the certificates of the tests. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TlsTerms } from "../../src/gateway/tls-terms.ts";
import type { KeyPair, TlsMaterial } from "../../src/wire/tls-material.ts";

const text = (name: string) => readFileSync(fileURLToPath(new URL(`../certificates/${name}`, import.meta.url)), "utf8");
export const pair = (stem: string): KeyPair => ({ cert: text(`${stem}.pem`), key: text(`${stem}.key`) });

export const MATERIAL: TlsMaterial = {
  pairs: [pair("server")],
  ca: undefined,
  clientCertificates: "unwanted",
  ciphers: undefined,
  special: {},
  protocols: undefined,
  hosts: [],
  ticketKeys: Buffer.alloc(48, 7).toString("base64"),
};

export function termsOf(changes: Partial<TlsMaterial>, protocols: readonly string[] = ["http/1.1"]): TlsTerms {
  return new TlsTerms({ ...MATERIAL, ...changes }, 10_000, protocols);
}
