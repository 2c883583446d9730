/** Settings `permit_obsolete_folding` to `root_path`: how requests are read, and the asgi class. */

import { bool, commaList, count, string, word } from "../kinds.ts";
import { headerMap } from "../kinds-of-one.ts";
import { setting } from "../setting.ts";

const asgiLoop = word({ words: ["auto", "asyncio", "uvloop"], none: "auto", refuse: (text) => `Invalid ASGI loop: ${text}` });
const asgiLifespan = word({ words: ["auto", "on", "off"], none: "auto", refuse: (text) => `Invalid ASGI lifespan: ${text}` });
const httpParser = word({
  words: ["auto", "fast", "python"],
  none: "auto",
  refuse: () => "http_parser must be one of: auto, fast, python",
  refuseType: () => "http_parser must be a string",
});

export const REQUESTS = {
  permit_obsolete_folding: setting({
    section: "Server Mechanics",
    flags: ["--permit-obsolete-folding"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Permit requests employing obsolete HTTP line folding mechanism.

RFC 9112 §5.2 lets a server refuse it. For diagnosis only.`,
  }),
  strip_header_spaces: setting({
    section: "Server Mechanics",
    flags: ["--strip-header-spaces"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Strip spaces present between the header name and the :.

Against RFC 9112 §5.1, and a known door for request smuggling. For diagnosis only.`,
  }),
  permit_unconventional_http_method: setting({
    section: "Server Mechanics",
    flags: ["--permit-unconventional-http-method"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Permit HTTP methods not matching conventions, such as IANA registration guidelines.

Shorter than 3 or longer than 20 characters, with small letters or #.`,
  }),
  permit_unconventional_http_version: setting({
    section: "Server Mechanics",
    flags: ["--permit-unconventional-http-version"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Permit HTTP version not matching conventions of 2023.

Others than 1.0 and 1.1.`,
  }),
  casefold_http_method: setting({
    section: "Server Mechanics",
    flags: ["--casefold-http-method"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Transform received HTTP methods to uppercase.`,
  }),
  forwarder_headers: setting({
    section: "Server Mechanics",
    flags: ["--forwarder-headers"],
    kind: commaList,
    default: "SCRIPT_NAME,PATH_INFO",
    onReload: "apply",
    doc: `A list containing upper-case header field names that the front-end proxy sets, to be used in WSGI environment.

Believed from peers in forwarded_allow_ips only, whatever header_map says.`,
  }),
  header_map: setting({
    section: "Server Mechanics",
    flags: ["--header-map"],
    kind: headerMap,
    default: "drop",
    onReload: "apply",
    doc: `Configure how header field names are mapped into environ.

Names with an underscore look like others with a dash there. drop leaves them out, refuse answers 400, dangerous maps them.`,
  }),
  asgi_loop: setting({
    section: "Worker Processes",
    flags: ["--asgi-loop"],
    metavar: "STRING",
    kind: asgiLoop,
    default: "auto",
    onReload: "apply",
    doc: `Event loop implementation for ASGI workers.

auto (uvloop where the application's environment has it), asyncio or uvloop.`,
  }),
  asgi_lifespan: setting({
    section: "Worker Processes",
    flags: ["--asgi-lifespan"],
    metavar: "STRING",
    kind: asgiLifespan,
    default: "auto",
    onReload: "apply",
    doc: `Control ASGI lifespan protocol handling.

auto runs it where the application has one, on demands it, off never runs it. An application that says startup.failed stops the server.`,
  }),
  asgi_disconnect_grace_period: setting({
    section: "Worker Processes",
    flags: ["--asgi-disconnect-grace-period"],
    metavar: "INT",
    kind: count,
    default: 3,
    onReload: "apply",
    doc: `Grace period (seconds) for ASGI apps to handle client disconnects.

After http.disconnect the application has this long before its task is cancelled. 0 cancels at once.`,
  }),
  websocket_max_message_size: setting({
    section: "Worker Processes",
    flags: ["--websocket-max-message-size"],
    metavar: "INT",
    kind: count,
    default: 16 * 1024 * 1024,
    onReload: "apply",
    doc: `Largest WebSocket message, in bytes, the asgi worker accepts.

A larger one closes the connection with 1009. 0 means no limit.`,
  }),
  http_parser: setting({
    section: "Worker Processes",
    flags: ["--http-parser"],
    metavar: "STRING",
    kind: httpParser,
    default: "auto",
    onReload: "apply",
    noEffect: "the gateway has one parser",
    doc: `HTTP parser implementation.`,
  }),
  root_path: setting({
    section: "Server Mechanics",
    flags: ["--root-path"],
    metavar: "STRING",
    kind: string,
    default: "",
    onReload: "apply",
    doc: `The root path for ASGI applications.

WSGI applications get theirs from the environment variable SCRIPT_NAME.`,
  }),
} as const;
