/** Reads the files of certificates and keys, which may be root's alone, and makes sure that they can be used. */

import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Settings } from "../settings/index.ts";
import type { ErrorLog } from "../telemetry/error-log.ts";
import type { KeyPair, TlsMaterial } from "../wire/tls-material.ts";
import { FileWatcher } from "./file-watcher.ts";
import type { HookedContext } from "./tls-hook.ts";
import { type PairSource, pathsOf, type Source, type TlsSources, tlsSources } from "./tls-sources.ts";

/** Name, AES and HMAC key of RFC 5077's tickets, as OpenSSL takes them. */
const TICKET_KEY_BYTES = 48;

/** Certificates of one server: read at its start, and again when they may have changed. */
export class Certificates {
  readonly #sources: TlsSources;
  /** One for the server's life: gateways come and go, and sessions go on. */
  readonly #ticketKeys: string;
  #watcher: FileWatcher | undefined;
  #material: TlsMaterial;
  #log: ErrorLog | undefined;
  #onChange: (material: TlsMaterial) => void = () => {};

  /**
   * @param hooked      What the hook `ssl_context` has made, if there is one.
   * @param ticketKeys  Those of the certificates that these replace.
   * @throws {Error} that says which file is wrong, and how.
   */
  constructor(settings: Settings, hooked?: HookedContext, ticketKeys: string = randomBytes(TICKET_KEY_BYTES).toString("base64")) {
    this.#sources = tlsSources(settings, hooked);
    this.#ticketKeys = ticketKeys;
    this.#material = this.#read();
  }

  /** What gateways are to have. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Reads the files again whenever one of them changes. @param onChange  Called with what has been read. */
  watch(log: ErrorLog, onChange: (material: TlsMaterial) => void): void {
    this.#log = log;
    this.#onChange = onChange;
    this.#watcher = new FileWatcher(
      "auto",
      () => this.readAgain(),
      (text) => log.write("warning", text),
    );
    this.#watcher.add(pathsOf(this.#sources));
  }

  stopWatching(): void {
    this.#watcher?.close();
  }

  /** What cannot be used is not: the old certificates stay. A certificate whose key is still to be written is read again with its key. */
  readAgain(): void {
    try {
      this.#material = this.#read();
    } catch (error) {
      this.#log?.write("error", `certificates cannot be read again, the old ones stay: ${(error as Error).message}`);
      return;
    }
    this.#log?.write("info", "certificates read again");
    this.#onChange(this.#material);
  }

  #read(): TlsMaterial {
    const { pairs, authorities, hosts, dhParameters, terms } = this.#sources;
    const read = { ...terms, ca: authorities?.map((each) => (typeof each === "string" ? each : readPem(each))).join("\n") };
    const special = dhParameters === undefined ? terms.special : { ...terms.special, dhparam: readPem(dhParameters) };
    const material: TlsMaterial = {
      ...read,
      special,
      pairs: lastOfEachKind(pairs.map((pair) => [pair, readPair(pair)])),
      hosts: hosts.map((host) => ({ name: host.name, ...readPair(host) })),
      ticketKeys: this.#ticketKeys,
    };
    tryOut(pairs.map(nameOf).join(", "), material.pairs, material);
    for (const host of material.hosts) tryOut(`the certificate of ${host.name} in sni_certificates`, [host], material);
    return material;
  }
}

/** OpenSSL has a place for one certificate of each kind of key; Node would try to put all keys to the last one. */
function lastOfEachKind(pairs: readonly (readonly [PairSource, KeyPair])[]): KeyPair[] {
  if (pairs.length === 1) return pairs.map(([, pair]) => pair);
  const byKind = new Map<string | undefined, KeyPair>();
  for (const [source, pair] of pairs) byKind.set(kindOf(source, pair), pair);
  return [...byKind.values()];
}

function kindOf(source: PairSource, { cert }: KeyPair): string | undefined {
  try {
    return new X509Certificate(cert).publicKey.asymmetricKeyType;
  } catch (error) {
    throw new Error(`${nameOf(source)} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

function readPair(source: PairSource): KeyPair {
  const cert = readPem(source.cert);
  const key = source.key === undefined ? cert : readPem(source.key);
  return { cert, key: source.passphrase === undefined ? key : decrypted(source, key, source.passphrase) };
}

/** Gateways get keys without a password: whoever could read theirs could read that as well. */
function decrypted(source: PairSource, key: string, passphrase: Buffer): string {
  try {
    return createPrivateKey({ key, passphrase }).export({ type: "pkcs8", format: "pem" }).toString();
  } catch (error) {
    throw new Error(`${nameOf(source)} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** `certfile "a.pem" with keyfile "a.key"` */
function nameOf({ cert, key }: PairSource): string {
  return `${cert.setting} "${cert.name}"${key === undefined ? "" : ` with ${key.setting} "${key.name}"`}`;
}

function readPem({ setting, name, path }: Source): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Gunicorn's words.
    throw new Error(code === "ENOENT" ? `${setting} "${name}" does not exist` : `${setting} "${name}" cannot be read: ${message}`, {
      cause: error,
    });
  }
}

function tryOut(what: string, pairs: readonly KeyPair[], { ca, ciphers, special }: TlsMaterial): void {
  try {
    createSecureContext({
      cert: pairs.map(({ cert }) => cert),
      key: pairs.map(({ key }) => key),
      ...(ca === undefined ? {} : { ca }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...special,
    });
  } catch (error) {
    throw new Error(`${what} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
