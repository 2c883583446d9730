/** Where certificates, keys and terms of TLS come from: the settings alone, or a context that the hook `ssl_context` has made. */

import { constants } from "node:crypto";
import { resolve } from "node:path";
import type { Settings } from "../settings/index.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import type { HookedContext, OptionName } from "./tls-hook.ts";

/** A file of PEM. */
export interface Source {
  /** For messages: `certfile`. */
  readonly setting: string;
  /** As the user wrote it. */
  readonly name: string;
  readonly path: string;
}

export interface PairSource {
  readonly cert: Source;
  /** Undefined: the key is in the certificate's file. */
  readonly key: Source | undefined;
  readonly passphrase: Buffer | undefined;
}

export interface TlsSources {
  /** In order; of two of the same kind of key the later one counts. */
  readonly pairs: readonly PairSource[];
  /** Files, and PEM itself. Undefined: nobody is trusted. */
  readonly authorities: readonly (Source | string)[] | undefined;
  readonly hosts: readonly (PairSource & { readonly name: string })[];
  readonly dhParameters: Source | undefined;
  readonly terms: Pick<TlsMaterial, "clientCertificates" | "ciphers" | "special" | "protocols">;
}

const CLIENT_CERTIFICATES = ["unwanted", "optional", "required"] as const;
const HOOK = "hook ssl_context: file";
const OPTIONS: Readonly<Record<OptionName, number>> = {
  OP_NO_TLSv1: constants.SSL_OP_NO_TLSv1,
  OP_NO_TLSv1_1: constants.SSL_OP_NO_TLSv1_1,
  OP_NO_TLSv1_2: constants.SSL_OP_NO_TLSv1_2,
  OP_NO_TLSv1_3: constants.SSL_OP_NO_TLSv1_3,
  OP_NO_TICKET: constants.SSL_OP_NO_TICKET,
};

/** @param hooked  Undefined: there is no hook. @throws {Error} for settings that do not go together. */
export function tlsSources(settings: Settings, hooked: HookedContext | undefined): TlsSources {
  const sources = hooked === undefined ? sourcesOfSettings(settings) : sourcesOfHook(hooked);
  return { ...sources, hosts: (settings.sni_certificates ?? []).map((entry) => hostSource(entry, settings)) };
}

function sourcesOfSettings(settings: Settings): Omit<TlsSources, "hosts"> {
  const { certfile, keyfile, ca_certs: ca, cert_reqs: certReqs, ciphers } = settings;
  if (certfile === null) throw new Error("keyfile is set, but certfile is not: name the certificate too");
  return {
    pairs: [pairOf(settings, certfile, keyfile)],
    authorities: ca === null ? undefined : [sourceOf(settings, "ca_certs", ca)],
    dhParameters: undefined,
    terms: { clientCertificates: clientCertificates(certReqs), ciphers: ciphers ?? undefined, special: {}, protocols: undefined },
  };
}

function sourcesOfHook(hooked: HookedContext): Omit<TlsSources, "hosts"> {
  const { minimumVersion, maximumVersion, options, curve, dhParameters } = hooked;
  const secureOptions = options.reduce((bits, name) => bits | OPTIONS[name], 0);
  const authorities = hooked.authorities.map((each) => ("file" in each ? fileOfHook(each.file) : each.pem));
  return {
    pairs: hooked.chains.map(({ cert, key, password }) => ({
      cert: fileOfHook(cert),
      key: key === null ? undefined : fileOfHook(key),
      passphrase: password === null ? undefined : Buffer.from(password, "base64"),
    })),
    authorities: authorities.length === 0 ? undefined : authorities,
    dhParameters: dhParameters === null ? undefined : fileOfHook(dhParameters),
    terms: {
      clientCertificates: clientCertificates(hooked.verifyMode),
      ciphers: hooked.ciphers ?? undefined,
      special: {
        ...(minimumVersion === null ? {} : { minVersion: minimumVersion }),
        ...(maximumVersion === null ? {} : { maxVersion: maximumVersion }),
        ...(secureOptions === 0 ? {} : { secureOptions }),
        ...(curve === null ? {} : { ecdhCurve: curve }),
      },
      protocols: hooked.protocols ?? undefined,
    },
  };
}

function clientCertificates(verifyMode: number): TlsMaterial["clientCertificates"] {
  return CLIENT_CERTIFICATES[verifyMode] ?? "required";
}

/** Relative paths begin where `chdir` leads, as with Gunicorn's workers; the master itself goes there only later. */
function sourceOf({ chdir }: Settings, setting: string, name: string): Source {
  return { setting, name, path: resolve(chdir, name) };
}

function fileOfHook(path: string): Source {
  return { setting: HOOK, name: path, path };
}

function pairOf(settings: Settings, certfile: string, keyfile: string | null): PairSource {
  return {
    cert: sourceOf(settings, "certfile", certfile),
    key: keyfile === null ? undefined : sourceOf(settings, "keyfile", keyfile),
    passphrase: undefined,
  };
}

/** @param entry  `"example.org=/etc/a.pem,/etc/a.key"`; without a key file the key is in the first one. */
function hostSource(entry: string, settings: Settings): PairSource & { readonly name: string } {
  const [, name = "", certfile = "", keyfile] = /^([^=]+)=([^,]+)(?:,(.+))?$/.exec(entry) ?? [];
  if (name === "") throw new Error(`sni_certificates: ${JSON.stringify(entry)} is not NAME=CERTFILE or NAME=CERTFILE,KEYFILE`);
  return { name: name.toLowerCase(), ...pairOf(settings, certfile, keyfile ?? null) };
}

/** All files, for whoever watches them. */
export function pathsOf({ pairs, authorities, hosts, dhParameters }: TlsSources): string[] {
  const ofPairs = [...pairs, ...hosts].flatMap(({ cert, key }) => [cert, key]);
  const sources = [...ofPairs, ...(authorities ?? []), dhParameters];
  return [...new Set(sources.flatMap((each) => (each === undefined || typeof each === "string" ? [] : [each.path])))];
}
