import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { filesUnder, readProjectFile } from "./source-files.ts";

const HALF = "python/tunicorn_worker";

/** The Python half's modules: each imports only from rows above its own. A new module finds its row here. */
const ROWS: readonly (readonly string[])[] = [
  [
    "__init__",
    "access_facts",
    "asgi_hook_objects",
    "descriptors",
    "errors",
    "exit_status",
    "file_wrapper",
    "json_lines",
    "lifespan",
    "line_channel",
    "linux",
    "oom_watch",
    "process_title",
    "socket_peer",
    "stacks",
    "syslog_address",
    "tls_recorder",
    "uvicorn_ways",
  ],
  [
    "app_pairs",
    "boot_failure",
    "green_library",
    "interruption",
    "python_value",
    "surroundings",
    "tls_terms",
    "waiter",
    "warm_imports",
    "wire",
    "worker_exit",
  ],
  ["access_journal", "config", "uvicorn_class"],
  ["loggers", "request_channel"],
  [
    "app_check",
    "app_loader",
    "channel",
    "client_socket",
    "config_file",
    "control_link",
    "gunicorn_package",
    "failure_page",
    "heartbeat",
    "identity",
    "field_lines",
    "init",
    "listeners",
    "mold",
    "node_ipc",
    "request_count",
    "source_reporter",
    "spew",
    "tickets",
  ],
  [
    "app_interface",
    "asgi_http",
    "body",
    "direct_parts",
    "gunicorn_config",
    "links",
    "gunicorn_logger",
    "listener_set",
    "notify_socket",
    "orders",
    "poller",
    "server_log",
    "stacks_file",
    "statsd",
    "start_response",
    "turn",
    "worker_class_loader",
    "worker_signals",
  ],
  ["backlog_watch", "hook_objects", "python_log", "statsd_forwarder", "statsd_log"],
  ["asgi_websocket", "children", "class_check", "environ", "group_signals", "hook_server", "pull_loop", "pushed_worker", "wsgi"],
  ["asgi_channel", "direct_worker", "forking", "gateway_process", "green_channel", "hooks", "lane", "master_log"],
  ["hooked_asgi", "hooked_wsgi", "master_hooks", "tls_hook"],
  ["asgi_worker", "green_worker", "gthread_worker", "sync_worker"],
  ["worker_life"],
  ["gateway_link", "worker_code"],
  ["family", "gateways"],
  ["heartbeats", "memory_watch", "pre_exec", "stacks_watch"],
  ["nursery"],
  ["nursery_program"],
  ["__main__"],
];

/** What only the nursery's process needs: a worker's memory is the application's, so its modules import none of these. */
const NURSERY_ONLY = new Set([
  "backlog_watch",
  "children",
  "config_file",
  "family",
  "gateway_link",
  "gateway_process",
  "gateways",
  "heartbeats",
  "listener_set",
  "listeners",
  "gunicorn_logger",
  "master_hooks",
  "master_log",
  "memory_watch",
  "node_ipc",
  "notify_socket",
  "nursery",
  "nursery_program",
  "oom_watch",
  "poller",
  "pre_exec",
  "python_log",
  "socket_peer",
]);
/** Where the worker's half begins, beside all that it imports. */
const WORKER_ROOTS = ["worker_code", "asgi_worker", "green_worker"];

/** Packages that are used when the user's environment has them. */
const OPTIONAL_PACKAGES = new Set(["paste", "setproctitle"]);

/**
 * These import within functions, before any code of the user's runs: programs, so that the nursery can say hello first, and
 * what finds a worker's class, so that blocking workers need no asyncio. `master_log` imports the Python logger behind the
 * configuration, which says whether there is one: every worker would pay for its modules.
 */
const PROGRAMS = new Set(["__main__", "master_log", "nursery_program", "worker_code"]);

const modules = filesUnder(HALF, ".py").map((path) => path.slice(HALF.length + 1, -".py".length));

interface Imported {
  /** `"tunicorn_worker.wire"`, `"os.path"` */
  readonly name: string;
  /** Inside a function, so that it runs later. */
  readonly indented: boolean;
}

/** Imports for annotations alone never run. */
const FOR_TYPES_ONLY = /^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)*/gm;

function sourceOf(module: string): string {
  return readProjectFile(`${HALF}/${module}.py`);
}

function importsOf(source: string): Imported[] {
  const statements = /^([ \t]*)(?:from\s+([\w.]+)\s+import\s+(\w+)|import\s+([\w.]+))/gm;
  return [...source.matchAll(statements)].map(([, indent = "", from, first = "", plain]) => {
    const name = from === "tunicorn_worker" ? `${from}.${first}` : (from ?? plain ?? "");
    return { name, indented: indent !== "" };
  });
}

function ownImports(module: string): string[] {
  return importsOf(sourceOf(module))
    .filter(({ name }) => name.startsWith("tunicorn_worker."))
    .map(({ name }) => name.split(".")[1] ?? "")
    .filter((name) => modules.includes(name));
}

test("there are modules to check", () => assert.notEqual(modules.length, 0));

const standardLibrary = new Set(
  execFileSync("python3", ["-c", "import sys; print(*sys.stdlib_module_names)"], { encoding: "utf8" }).trim().split(" "),
);

for (const module of modules) {
  test(`${module}.py imports only what stands above it`, () => {
    const row = ROWS.findIndex((names) => names.includes(module));
    assert.notEqual(row, -1, `${module} has no row: add it to ROWS in this test`);
    const above = new Set(ROWS.slice(0, row).flat());
    assert.deepEqual(
      ownImports(module).filter((name) => !above.has(name)),
      [],
    );
  });

  test(`${module}.py imports the standard library and its own half, at once`, () => {
    for (const { name, indented } of importsOf(sourceOf(module).replace(FOR_TYPES_ONLY, ""))) {
      const top = name.split(".")[0] ?? "";
      if (top === "tunicorn_worker")
        assert.ok(!indented || PROGRAMS.has(module), `${name} is imported late: the application may have changed what an import finds`);
      else assert.ok(standardLibrary.has(top) || OPTIONAL_PACKAGES.has(top), `${name} is not in the standard library`);
    }
  });
}

test("a worker's modules need none of the nursery's", () => {
  const needed = new Set<string>();
  const visit = (module: string): void => {
    if (needed.has(module)) return;
    needed.add(module);
    for (const name of ownImports(module)) visit(name);
  };
  for (const root of WORKER_ROOTS) visit(root);
  assert.deepEqual(
    [...needed].filter((name) => NURSERY_ONLY.has(name)),
    [],
  );
});

for (const name of [...ROWS.flat(), ...NURSERY_ONLY, ...WORKER_ROOTS]) {
  test(`the rows' module ${name} exists`, () => assert.ok(modules.includes(name)));
}
