/** Settings `limit_request_line` to `print_config`: limits of a request's head, and help for development. */

import { bool, count, stringList } from "../kinds.ts";
import { filesOrPatterns, reloadEngine } from "../kinds-of-one.ts";
import { setting } from "../setting.ts";

export const LIMITS = {
  limit_request_line: setting({
    section: "Security",
    flags: ["--limit-request-line"],
    metavar: "INT",
    kind: count,
    default: 4094,
    onReload: "apply",
    doc: `The maximum size of HTTP request line in bytes.

From 0 to 8190; 0 and larger values mean 8190.`,
  }),
  limit_request_fields: setting({
    section: "Security",
    flags: ["--limit-request-fields"],
    metavar: "INT",
    kind: count,
    default: 100,
    onReload: "apply",
    doc: `Limit the number of HTTP headers fields in a request.

At most 32768, which 0 means too.`,
  }),
  limit_request_field_size: setting({
    section: "Security",
    // The underscore is Gunicorn's.
    flags: ["--limit-request-field_size"],
    metavar: "INT",
    kind: count,
    default: 8190,
    onReload: "apply",
    doc: `Limit the allowed size of an HTTP request header field.

In bytes. 0 means 8190.`,
  }),
  reload: setting({
    section: "Debugging",
    flags: ["--reload"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Restart workers when code changes.

For development: while it is on, every client can see tracebacks.`,
  }),
  reload_engine: setting({
    section: "Debugging",
    flags: ["--reload-engine"],
    metavar: "STRING",
    kind: reloadEngine,
    default: "auto",
    onReload: "apply",
    doc: `The implementation that should be used to power reload.

auto, poll or inotify.`,
  }),
  reload_extra_files: setting({
    section: "Debugging",
    flags: ["--reload-extra-file"],
    action: "append",
    metavar: "FILES",
    kind: filesOrPatterns,
    default: [],
    onReload: "apply",
    doc: `Extends reload option to also watch and reload on additional files.

Templates, configurations and the like. Entries with *, ? or [ are patterns and may match nothing yet.`,
  }),
  spew: setting({
    section: "Debugging",
    flags: ["--spew"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Install a trace function that spews every line executed by the server.`,
  }),
  check_config: setting({
    section: "Debugging",
    flags: ["--check-config"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "restart",
    doc: `Check the configuration and exit: status 0 if it is correct, 1 if not.

The application is loaded too.`,
  }),
  print_config: setting({
    section: "Debugging",
    flags: ["--print-config"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "restart",
    doc: `Print the configuration settings as fully resolved. Implies check-config.`,
  }),
} as const;

export const PASTE_GLOBALS = {
  raw_paste_global_conf: setting({
    section: "Server Mechanics",
    flags: ["--paste-global"],
    action: "append",
    metavar: "CONF",
    kind: stringList,
    default: [],
    onReload: "apply",
    doc: `Set a PasteDeploy global config variable in key=value form.

May be given several times.`,
  }),
} as const;
