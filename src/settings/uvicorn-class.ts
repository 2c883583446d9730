/**
 * The worker classes of uvicorn, by name and as what users derive from them: they run on asgi workers, and what their CONFIG_KWARGS
 * say counts before the settings, as with Gunicorn.
 */

import { type PyValue, pythonValue } from "../base/python-repr.ts";
import type { Resolved } from "./layers.ts";
import type { Surroundings } from "./surroundings.ts";
import { type SettingName, type Settings, TABLE } from "./table.ts";
import { UVICORN_CLASS } from "./worker-class.ts";

/** Arguments of `uvicorn.Config` by name, in the class's order. */
export type UvicornOptions = readonly (readonly [string, PyValue])[];

/** What the worker half does as uvicorn would. */
export interface UvicornWays {
  /** `client` and `scheme` of a scope are what a trusted proxy says in X-Forwarded-For and X-Forwarded-Proto. */
  readonly proxyHeaders: boolean;
  /** The application named is a function that makes it. */
  readonly factory: boolean;
}

/** What a nursery found out about a class that is derived from uvicorn's. */
export interface UvicornClass {
  readonly options: UvicornOptions;
  /** What it defines besides options: such a class is more than a way to name them. */
  readonly overrides: readonly string[];
}

/** What is known of a class of uvicorn's; `ways` is undefined for one that serves by itself. */
export interface UvicornFindings {
  readonly ways?: UvicornWays;
  /** A line for the log. */
  readonly note?: { readonly level: "info" | "warning"; readonly text: string };
}

/** The classes that both packages have, with what their own CONFIG_KWARGS say. */
const NAMED: Readonly<Record<string, UvicornOptions>> = Object.fromEntries(
  ["uvicorn.workers", "uvicorn_worker"].flatMap((module) => [
    [`${module}.UvicornWorker`, []],
    [`${module}.UvicornH11Worker`, [["loop", { t: "str", v: "asyncio" }]]],
  ]),
);

const SETTING_OF: ReadonlyMap<string, SettingName> = new Map(
  Object.entries({
    loop: "asgi_loop",
    lifespan: "asgi_lifespan",
    root_path: "root_path",
    forwarded_allow_ips: "forwarded_allow_ips",
    backlog: "backlog",
    timeout_keep_alive: "keepalive",
    timeout_graceful_shutdown: "graceful_timeout",
    limit_concurrency: "worker_connections",
    limit_max_requests: "max_requests",
    limit_max_requests_jitter: "max_requests_jitter",
    ws_max_size: "websocket_max_message_size",
    ssl_keyfile: "keyfile",
    ssl_certfile: "certfile",
    ssl_ca_certs: "ca_certs",
    ssl_cert_reqs: "cert_reqs",
    ssl_ciphers: "ciphers",
  } as const),
);

/** Values that ask for what is done anyway: which program reads HTTP makes no difference to the application. */
const DONE_ANYWAY: ReadonlyMap<string, readonly unknown[]> = new Map(
  Object.entries({
    loop: ["auto"],
    lifespan: ["auto"],
    http: ["auto", "h11", "httptools"],
    ws: ["auto", "websockets", "websockets-sansio", "wsproto"],
    interface: ["auto", "asgi3"],
    access_log: [true],
    server_header: [true],
    date_header: [true],
  }),
);

/** @returns undefined for a setting worker_class that is none of uvicorn's names. */
export function uvicornOptions({ worker_class: name }: Settings): UvicornOptions | undefined {
  return typeof name === "string" && Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
}

/** A class that overrides methods needs uvicorn itself and accepts the clients; every other runs on asgi workers. */
export function applyUvicornClass(resolved: Resolved, { options, overrides }: UvicornClass, surroundings: Surroundings): Resolved {
  if (overrides.length === 0) return applyUvicornOptions(resolved, options, surroundings);
  const text = `worker class runs on uvicorn itself class=${resolved.workerClass} overrides=${overrides.join(",")}`;
  return { ...resolved, uvicorn: { note: { level: "info", text } } };
}

/** Lays the options of a class of uvicorn's over the settings. What cannot be done is named in a warning. */
export function applyUvicornOptions(resolved: Resolved, options: UvicornOptions, surroundings: Surroundings): Resolved {
  const settings: Record<string, unknown> = { ...resolved.settings, worker_class: UVICORN_CLASS };
  const ways = { proxyHeaders: true, factory: false };
  const ignored: string[] = [];
  for (const [name, value] of options) {
    if (value.t === "none" || DONE_ANYWAY.get(name)?.includes("v" in value ? value.v : undefined)) continue;
    if (value.t === "bool" && name === "factory") ways.factory = value.v;
    else if (value.t === "bool" && name === "proxy_headers") ways.proxyHeaders = value.v;
    else if (value.t === "bool" && name === "access_log") settings.accesslog = null;
    else if (!setOne(settings, name, value, surroundings)) ignored.push(name);
  }
  // Without them uvicorn leaves the scheme alone, whatever the proxy says.
  if (!ways.proxyHeaders) settings.secure_scheme_headers = { t: "dict", v: [] };
  const text = `options without effect class=${resolved.workerClass} names=${ignored.join(",")}`;
  const uvicorn: UvicornFindings = ignored.length === 0 ? { ways } : { ways, note: { level: "warning", text } };
  return { ...resolved, settings: settings as unknown as Settings, uvicorn };
}

/** @returns false for a name that is no setting, and for a value that is none of its setting's. */
function setOne(settings: Record<string, unknown>, name: string, value: PyValue, surroundings: Surroundings): boolean {
  const setting = SETTING_OF.get(name);
  if (setting === undefined) return false;
  try {
    settings[setting] = TABLE[setting].kind.check(asSettingValue(name, value), { surroundings, warn: () => {} });
    return true;
  } catch {
    return false;
  }
}

function asSettingValue(name: string, value: PyValue): PyValue {
  // uvicorn takes a list as well as a text with commas.
  if (value.t === "list" || value.t === "tuple") return pythonValue(value.v.map((item) => ("v" in item ? String(item.v) : "")).join(","));
  // uvicorn's "none" leaves the loop to Python.
  return name === "loop" && value.t === "str" && value.v === "none" ? pythonValue("asyncio") : value;
}
