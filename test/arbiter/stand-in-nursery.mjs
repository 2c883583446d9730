/**
 * Speaks the nursery's side of docs/internals/channels.md §1, and the gateway's of §2, without forking anything: workers are numbers.
 * Every command it gets is logged as `got <cmd> <details>`. STAND_IN names what it does otherwise:
 * `die-at-once`, `old-python`, `busy-port`, `broken-config`, `broken-app`, `uvicorn-class`, `broken-hook`, `leaving-hook`.
 */
import net from "node:net";

const { STAND_IN } = process.env;
if (STAND_IN === "die-at-once") process.exit(9);

const UVICORN_CLASS = JSON.stringify({ options: [["root_path", { t: "str", v: "/x" }]], overrides: [] });

const say = (message, handle) => process.send(message, handle, { keepOpen: true });
const log = (text) => say({ ev: "log", level: "info", text });
const workers = new Map();
let listener;
let gateway;

say({ ev: "hello", pid: process.pid, python: STAND_IN === "old-python" ? "3.8.10" : "3.11.2", executable: "/usr/bin/python3" });

/** Two connected sockets. */
function connectedPair() {
  return new Promise((fulfil) => {
    const server = net.createServer((near) => {
      server.close();
      fulfil([near, far]);
    });
    let far;
    server.listen(0, "127.0.0.1", () => {
      far = net.connect(server.address().port, "127.0.0.1");
      far.pause(); // or this process would take what is meant for the one it is sent to
    });
  });
}

async function startGateway() {
  const [near, far] = await connectedPair();
  gateway = near;
  const tell = (message) => near.write(`${JSON.stringify(message)}\n`);
  near.setEncoding("utf8");
  near.on("error", () => {});
  near.on("data", (text) => {
    for (const line of text.split("\n").filter(Boolean)) {
      const message = JSON.parse(line);
      log(`gateway got ${message.cmd} ${message.worker ?? ""}`);
      if (message.cmd === "configure") {
        tell({ ev: "up", pid: 4000 });
        for (const worker of workers.keys()) tell({ ev: "worker-ready", worker });
      }
      if (message.cmd === "drain") tell({ ev: "drained" });
      if (message.cmd === "quit") near.destroy();
    }
  });
  say({ ev: "gateway", gateway: 0, pid: 4000 }, far._handle);
}

const commands = {
  async bind({ addresses }) {
    if (STAND_IN === "busy-port") {
      say({ ev: "bind-failed", index: 0, errno: "EADDRINUSE", text: "[Errno 98] Address already in use" });
      return;
    }
    listener = net.createServer();
    await new Promise((fulfil) => listener.listen({ host: addresses[0].host, port: addresses[0].port }, fulfil));
    say(
      { ev: "listening", index: 0, kind: "tcp", host: "127.0.0.1", port: listener.address().port, path: null, inode: null },
      listener._handle,
    );
    say({ ev: "bound" });
  },
  gateway: startGateway,
  fork({ worker }) {
    workers.set(worker, 5000 + worker);
    say({ ev: "forked", worker, pid: 5000 + worker });
    say({ ev: "ready", worker, pid: 5000 + worker, modules: [] });
    gateway?.write(`${JSON.stringify({ ev: "worker-ready", worker })}\n`);
  },
  stop({ worker }) {
    workers.delete(worker);
    say({ ev: "exited", worker, pid: 5000 + worker, status: { code: 0 } });
  },
  stacks({ worker, ask }) {
    say({ ev: "stacks", worker, ask, text: `Thread MainThread of ${worker}` });
  },
  adopt({ what }, handle) {
    log(`adopted ${what} handle=${handle !== undefined}`);
  },
  adopted() {
    say({ ev: "adopted" });
  },
  unlisten() {
    listener?.close();
    say({ ev: "unlistened" });
  },
  "run-config"({ kind, location }) {
    if (STAND_IN === "broken-config") say({ ev: "config-ran", status: "failed", values: [], text: "SyntaxError: no\n", code: 1 });
    else say({ ev: "config-ran", status: "ok", values: [["workers", { t: "int", v: "3" }]], text: `${kind} ${location}`, code: 0 });
  },
  "check-app"() {
    if (STAND_IN === "broken-app") say({ ev: "app-checked", status: 1, text: "Traceback: no app\n" });
    else say({ ev: "app-checked", status: 0, text: "" });
  },
  "check-class"() {
    if (STAND_IN === "broken-app") say({ ev: "class-checked", status: 1, text: "\nError: class uri\n" });
    else say({ ev: "class-checked", status: 0, text: STAND_IN === "uvicorn-class" ? UVICORN_CLASS : "" });
  },
  "make-ssl-context"({ settings }) {
    if (STAND_IN === "broken-hook") say({ ev: "ssl-context-made", status: 1, text: "hook ssl_context: no" });
    else if (STAND_IN === "leaving-hook") say({ ev: "ssl-context-made", status: 3, text: "" });
    else say({ ev: "ssl-context-made", status: 0, text: JSON.stringify({ asked: settings.cmd }) });
  },
  exit() {
    process.exit(0);
  },
};

process.on("message", (message, handle) => {
  log(`got ${message.cmd}`);
  commands[message.cmd]?.(message, handle);
});
process.on("disconnect", () => process.exit(0));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
