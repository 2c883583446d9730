/** Reads the files of certificates and keys, which may be root's alone, and makes sure that they can be used. */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import type { Settings } from "../settings/index.ts";
import type { ErrorLog } from "../telemetry/error-log.ts";
import type { KeyPair, TlsMaterial } from "../wire/tls-material.ts";
import { FileWatcher } from "./file-watcher.ts";

/** Name, AES and HMAC key of RFC 5077's tickets, as OpenSSL takes them. */
const TICKET_KEY_BYTES = 48;
const CLIENT_CERTIFICATES = ["unwanted", "optional", "required"] as const;

/** Certificates of one server: read at its start, and again when they may have changed. */
export class Certificates {
  readonly #settings: Settings;
  /** One for the server's life: gateways come and go, and sessions go on. */
  readonly #ticketKeys: string;
  #watcher: FileWatcher | undefined;
  #material: TlsMaterial;
  #log: ErrorLog | undefined;
  #onChange: (material: TlsMaterial) => void = () => {};

  /** @param ticketKeys  Those of the certificates that these replace. @throws {Error} that says which file is wrong, and how. */
  constructor(settings: Settings, ticketKeys: string = randomBytes(TICKET_KEY_BYTES).toString("base64")) {
    this.#settings = settings;
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
    this.#watcher.add(this.#paths().map((path) => resolve(path)));
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

  #paths(): string[] {
    const { certfile, keyfile, ca_certs: ca, sni_certificates: hosts } = this.#settings;
    const others = (hosts ?? []).flatMap((entry) => Object.values(splitHost(entry).files));
    return [certfile, keyfile, ca, ...others].filter((path): path is string => typeof path === "string");
  }

  #read(): TlsMaterial {
    const { certfile, keyfile, ca_certs: ca, cert_reqs: certReqs, ciphers, sni_certificates: hosts } = this.#settings;
    if (certfile === null) throw new Error("keyfile is set, but certfile is not: name the certificate too");
    const material: TlsMaterial = {
      ...readPair(certfile, keyfile ?? undefined),
      ca: ca === null ? undefined : readPem("ca_certs", ca),
      clientCertificates: CLIENT_CERTIFICATES[certReqs] ?? "required",
      ciphers: ciphers ?? undefined,
      hosts: (hosts ?? []).map((entry) => {
        const { name, files } = splitHost(entry);
        return { name, ...readPair(files.certfile, files.keyfile) };
      }),
      ticketKeys: this.#ticketKeys,
    };
    tryOut(`certfile "${certfile}"${keyfile === null ? "" : ` with keyfile "${keyfile}"`}`, material, material);
    for (const host of material.hosts) tryOut(`the certificate of ${host.name} in sni_certificates`, host, material);
    return material;
  }
}

interface HostFiles {
  readonly name: string;
  readonly files: { readonly certfile: string; readonly keyfile: string | undefined };
}

/** @param entry  `"example.org=/etc/a.pem,/etc/a.key"`; without a key file the key is in the first one. */
function splitHost(entry: string): HostFiles {
  const [, name = "", certfile = "", keyfile] = /^([^=]+)=([^,]+)(?:,(.+))?$/.exec(entry) ?? [];
  if (name === "") throw new Error(`sni_certificates: ${JSON.stringify(entry)} is not NAME=CERTFILE or NAME=CERTFILE,KEYFILE`);
  return { name: name.toLowerCase(), files: { certfile, keyfile } };
}

function readPair(certfile: string, keyfile: string | undefined): KeyPair {
  const cert = readPem("certfile", certfile);
  return { cert, key: keyfile === undefined ? cert : readPem("keyfile", keyfile) };
}

function readPem(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Gunicorn's words.
    throw new Error(code === "ENOENT" ? `${setting} "${path}" does not exist` : `${setting} "${path}" cannot be read: ${message}`, {
      cause: error,
    });
  }
}

function tryOut(what: string, { cert, key }: KeyPair, { ca, ciphers }: TlsMaterial): void {
  try {
    createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }), ...(ciphers === undefined ? {} : { ciphers }) });
  } catch (error) {
    throw new Error(`${what} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
