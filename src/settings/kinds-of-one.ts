/** Kinds that stand for one or two settings each. Error texts are Gunicorn's. */

import { parseBindAddress } from "../base/address.ts";
import type { PythonObject, PyValue } from "../base/python-repr.ts";
import { reprString, str, strip, typeName } from "../base/python-repr.ts";
import type { CheckContext, Kind } from "./kind.ts";
import { InvalidValue } from "./kind.ts";
import { checkString, checkStringList, word } from "./kinds.ts";
import { absolutePath } from "./posix-path.ts";
import { launchDirectory, type Surroundings } from "./surroundings.ts";

/**
 * A function of Python with so many positional parameters, or its import string (`"hooks.on_starting"`).
 *
 * The nursery imports what a string names; here only its form is checked.
 */
export function callable(...arities: readonly [number, ...number[]]): Kind<PythonObject> {
  return {
    name: `callable of ${arities.join(" or ")}`,
    argumentType: "str",
    check: (value) => {
      if (value.t === "str") return importString(value.v);
      if (value.t !== "object" || !value.callable) throw new InvalidValue(`Value is not callable: ${str(value)}`);
      if (value.arity !== undefined && !arities.includes(value.arity)) {
        throw new InvalidValue(`Value must have an arity of: ${Math.max(...arities)}`);
      }
      return value;
    },
  };
}

function importString(text: string): PythonObject {
  if (!text.includes(".")) throw new InvalidValue(`Value '${text}' is not import string. Format: module[.submodules...].object`);
  return { t: "object", type: "str", text, name: text.slice(text.lastIndexOf(".") + 1), callable: true };
}

/** A number, a name that the machine knows, or None for the one we run as. */
function identity(
  what: "user" | "group",
  find: (surroundings: Surroundings, name: string) => number | undefined,
  own: (surroundings: Surroundings) => number,
): Kind<number> {
  return {
    name: `${what} name or number`,
    argumentType: "str",
    check: (value, { surroundings }) => {
      if (value.t === "none") return own(surroundings);
      if (value.t === "int") return Number(value.v);
      if (value.t === "bool") return Number(value.v);
      if (value.t !== "str") throw new InvalidValue(`'${typeName(value)}' object has no attribute 'isdigit'`);
      if (/^[0-9]+$/.test(value.v)) return Number(value.v);
      const found = find(surroundings, value.v);
      if (found === undefined) throw new InvalidValue(`No such ${what}: '${value.v}'`);
      return found;
    },
  };
}

export const user = identity(
  "user",
  (surroundings, name) => surroundings.findUser(name),
  (surroundings) => surroundings.uid,
);
export const group = identity(
  "group",
  (surroundings, name) => surroundings.findGroup(name),
  (surroundings) => surroundings.gid,
);

/** A directory that exists, made absolute from the launch directory. */
export const directory: Kind<string> = {
  name: "existing directory",
  argumentType: "str",
  check: (value, { surroundings }) => {
    const path = checkString(value);
    if (path === null) throw new InvalidValue("join() argument must be str, bytes, or os.PathLike object, not 'NoneType'");
    const absolute = absolutePath(launchDirectory(surroundings), path);
    if (!surroundings.exists(absolute)) throw new InvalidValue(`can't chdir to ${reprString(path)}`);
    return absolute;
  },
};

/** An engine of the reloader; unlike other words it is neither trimmed nor folded. */
export const reloadEngine: Kind<"auto" | "poll" | "inotify"> = {
  name: "auto, poll, inotify",
  argumentType: "str",
  check: (value) => {
    if (value.t === "str" && (value.v === "auto" || value.v === "poll" || value.v === "inotify")) return value.v;
    if (value.t === "list" || value.t === "dict") throw new InvalidValue(`unhashable type: '${value.t}'`);
    throw new InvalidValue(`Invalid reload_engine: ${value.t === "str" ? reprString(value.v) : str(value)}`);
  },
};

const GLOB_MAGIC = /[*?[]/;

/** Files that exist, and glob patterns, which may match nothing yet. */
export const filesOrPatterns: Kind<readonly string[]> = {
  name: "list of files and patterns",
  argumentType: "str",
  check: (value, { surroundings }) => {
    const entries = checkStringList(value);
    for (const entry of entries) {
      if (GLOB_MAGIC.test(entry)) continue;
      if (!surroundings.exists(absolutePath(surroundings.cwd, entry))) throw new InvalidValue(`File ${entry} does not exists.`);
    }
    return entries;
  },
};

/** Where statsD listens: a host and port, the path of a unix socket, an inherited descriptor. */
export type StatsdAddress =
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

const STATSD_PORT = 8125;

export const statsdAddress: Kind<StatsdAddress | null> = {
  name: "host:port or unix://PATH",
  argumentType: "str",
  check: (value) => {
    const text = checkString(value);
    if (text === null) return null;
    // Gunicorn keeps "unix:8125" a host of that name, as it was before unix sockets were understood.
    const hostNamedUnix = /^unix:([0-9]+)$/.exec(text);
    if (hostNamedUnix !== null) return { kind: "udp", host: "unix", port: Number(hostNamedUnix[1]) };
    try {
      const address = parseBindAddress(text, STATSD_PORT);
      return address.kind === "tcp" || address.kind === "tcp6" ? { kind: "udp", host: address.host, port: address.port } : address;
    } catch {
      throw new InvalidValue("Value must be one of ('host:port', 'unix://PATH')");
    }
  },
  toPython: (address) => {
    if (address === null) return null;
    if (address.kind === "unix") return address.path;
    if (address.kind === "fd") return address.fd;
    const port: PyValue = { t: "int", v: String(address.port) };
    return { t: "tuple", v: [{ t: "str", v: address.host }, port] };
  },
};

const PROXY_MODES: Readonly<Record<string, "off" | "v1" | "v2" | "auto">> = {
  off: "off",
  false: "off",
  "0": "off",
  none: "off",
  auto: "auto",
  true: "auto",
  "1": "auto",
  v1: "v1",
  v2: "v2",
};

export const proxyProtocol: Kind<"off" | "v1" | "v2" | "auto"> = {
  name: "off, v1, v2, auto",
  argumentType: "str",
  check: (value) => {
    if (value.t === "none") return "off";
    if (value.t === "bool") return value.v ? "auto" : "off";
    if (value.t !== "str") throw new InvalidValue("proxy_protocol must be string or bool");
    const mode = PROXY_MODES[strip(value.v.toLowerCase())];
    if (mode === undefined) throw new InvalidValue("proxy_protocol must be: off, v1, v2, or auto");
    return mode;
  },
};

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A header's name (RFC 9110 §5.1), or None. */
export const fieldName: Kind<string | null> = {
  name: "header name",
  argumentType: "str",
  check: (value) => {
    const text = checkString(value);
    if (text !== null && !FIELD_NAME.test(text)) throw new InvalidValue(`Not a header name: ${reprString(text)}`);
    return text;
  },
};

export const headerMap: Kind<"drop" | "refuse" | "dangerous" | null> = {
  name: "drop, refuse, dangerous",
  argumentType: "str",
  check: (value) => {
    if (value.t === "none") return null;
    if (value.t !== "str") throw new InvalidValue(`Invalid type for casting: ${str(value)}`);
    const text = strip(value.v.toLowerCase());
    if (text === "drop" || text === "refuse" || text === "dangerous") return text;
    throw new InvalidValue(`Invalid header map behaviour: ${value.v}`);
  },
};

export type HttpProtocol = "h1" | "h2";

/** HTTP versions between commas, the preferred one first. */
export const httpProtocols: Kind<readonly HttpProtocol[]> = {
  name: "comma-separated h1, h2",
  argumentType: "str",
  check: (value) => {
    if (value.t === "none") return ["h1"];
    if (value.t !== "str") throw new InvalidValue("http_protocols must be a string");
    const names = value.v.split(",").map((name) => strip(name).toLowerCase());
    const protocols = names.filter((name) => name !== "").map(checkHttpProtocol);
    if (new Set(protocols).size !== protocols.length) throw new InvalidValue("Duplicate protocols specified");
    return protocols.length === 0 ? ["h1"] : protocols;
  },
};

function checkHttpProtocol(name: string): HttpProtocol {
  if (name === "h1" || name === "h2") return name;
  throw new InvalidValue(`Invalid protocol '${name}'. Valid protocols: h1, h2`);
}

const cleartextWords = word({
  words: ["off", "prior-knowledge", "upgrade", "both"],
  none: "off",
  refuse: (text) => `Invalid http2_cleartext: ${text}`,
});

/** How HTTP/2 without TLS may begin. True is the way without an upgrade. */
export const http2Cleartext: Kind<"off" | "prior-knowledge" | "upgrade" | "both"> = {
  ...cleartextWords,
  check: (value, context) => {
    if (value.t === "bool") return value.v ? "prior-knowledge" : "off";
    return cleartextWords.check(value, context);
  },
};

/** `ssl.PROTOCOL_TLS` */
export const SSL_VERSION_DEFAULT = 2;

/** Anything at all; what is not the default is warned of. */
export const sslVersion: Kind<PyValue> = {
  name: "ignored",
  argumentType: "str",
  check: (value, context: CheckContext) => {
    if (value.t !== "int" || Number(value.v) !== SSL_VERSION_DEFAULT) {
      context.warn("Warning: option `ssl_version` is deprecated and it is ignored. Use ssl_context instead.");
    }
    return value;
  },
};
