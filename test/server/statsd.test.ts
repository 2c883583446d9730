import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { APPS, KINDS, PYTHON, Server, temporaryFolder, VENV } from "./harness.ts";
import { get, post } from "./http-client.ts";

/** Prints where it listens, then each datagram as a line. */
const RECEIVER = `
import os, socket, sys
path = sys.argv[1]
sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
sock.bind(path or ("127.0.0.1", 0))
print(f"unix://{path}" if path else "127.0.0.1:%d" % sock.getsockname()[1], flush=True)
while True:
    os.write(1, sock.recv(65536).replace(b"\\n", b"\\\\n") + b"\\n")
`;

/** What operators do in hooks: Gunicorn's own example of metrics. */
const CONF = `
def post_worker_init(worker):
    worker.log.info("booted", extra={"metric": "app.booted", "value": 1, "mtype": "counter"})
    worker.log.debug("", extra={"metric": "app.memory", "value": 1.5, "mtype": "histogram"})
    worker.log.info("nothing of it", extra={"metric": "app.nothing", "value": 1, "mtype": "other"})

def when_ready(server):
    server.log.warning("careful")
    server.log.info("", extra={"metric": "app.ready", "value": 3, "mtype": "gauge"})
`;

/** @param path  Of a unix socket; empty: UDP. */
async function receive(t: TestContext, path: string): Promise<{ address: string; datagrams: string[] }> {
  const child = spawn(PYTHON, ["-c", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "close");
  });
  let partial = "";
  const lines: string[] = [];
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    const parts = (partial + text).split("\n");
    partial = parts.pop() ?? "";
    lines.push(...parts);
  });
  const address = await waitUntil("waiting for the receiver", () => lines.shift());
  return { address, datagrams: lines };
}

/** How long something took is never the same, nor how many workers there were on the way, nor how often the queue was looked at. */
function comparable(datagrams: readonly string[]): string[] {
  const timeless = datagrams.map((text) => text.replace(/(duration:)\d+\.\d{1,3}\|/, "$1N|"));
  return timeless.filter((text) => !/gunicorn\.(?:workers|backlog):/.test(text)).sort();
}

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly unix: boolean;
  /** Requests of it, with their answers' statuses. */
  readonly requests: readonly (readonly [request: string, status: number])[];
}

const CASES: readonly Case[] = [
  {
    name: "sync, UDP, with a prefix and tags",
    args: ["-w", "2", "--statsd-prefix", "shop.", "--dogstatsd-tags", "env:test,zone:b", "--enable-backlog-metric", "cases"],
    unix: false,
    requests: [
      [get("/"), 200],
      [post("/echo", "hello"), 200],
      [get("/raises"), 500],
      [get("/status?status=204%20No%20Content"), 204],
      ["GET / HTTP/9.9\r\n\r\n", 400],
    ],
  },
  {
    // Without an access log Gunicorn's asgi worker sends nothing of requests.
    name: "asgi, unix datagrams",
    args: ["-k", "asgi", "--access-logfile", "/dev/null", "asgi_cases"],
    unix: true,
    requests: [[get("/nowhere"), 200]],
  },
];

for (const { name, args, unix, requests } of CASES) {
  test(`the datagrams are Gunicorn's: ${name}`, async (t) => {
    const seen = await Promise.all(
      KINDS.map(async (kind) => {
        const folder = temporaryFolder(t);
        const conf = join(folder, "conf.py");
        writeFileSync(conf, CONF);
        const { address, datagrams } = await receive(t, unix ? join(folder, "statsd.sock") : "");
        const server = await Server.start(t, kind, { cwd: APPS, args: ["-c", conf, "--statsd-host", address, ...args] });
        const workers = args.includes("2") ? 2 : 1;
        const count = (pattern: RegExp): number => datagrams.filter((text) => pattern.test(text)).length;
        await waitUntil("waiting for all workers", () => count(/app\.memory/) === workers);
        for (const [request, status] of requests) assert.equal((await server.exchange(request)).status, status, request);
        const answered = requests.filter(([, status]) => status !== 400).length;
        const warnings = 1 + requests.length - answered;
        await waitUntil("waiting for all metrics", () => {
          return count(/gunicorn\.request\.status/) === answered && count(/gunicorn\.log\.warning/) === warnings;
        });
        await waitUntil("waiting for the number of workers", () => {
          const gauges = datagrams.filter((text) => text.includes("gunicorn.workers:"));
          return gauges.at(-1)?.includes(`gunicorn.workers:${workers}|g`);
        });
        if (args.includes("--enable-backlog-metric")) {
          await waitUntil("waiting for the backlog", () => datagrams.includes("shop.gunicorn.backlog:0|h|#env:test,zone:b"));
        }
        return comparable(datagrams);
      }),
    );
    for (const datagrams of seen) assert.deepEqual(datagrams, seen[0]);
    assert.ok((seen[0]?.length ?? 0) >= 6);
  });
}

test("two gateways and Gunicorn's class by its name: each request once; a relative Python is found from `chdir`", async (t) => {
  const folder = temporaryFolder(t);
  symlinkSync(VENV, join(folder, "venv"));
  const { address, datagrams } = await receive(t, "");
  const own = ["--chdir", APPS, "--python", "venv/bin/python", "--gateways", "2"];
  const statsd = ["--statsd-host", address, "--logger-class", "gunicorn.instrument.statsd.Statsd"];
  const server = await Server.start(t, "tunicorn", { cwd: folder, args: [...own, ...statsd, "cases"] });
  const gateways = await waitUntil("waiting for two gateways", () => server.gateways().length === 2 && server.gateways());
  for (const [index, gateway] of gateways.entries()) {
    process.kill(gateway, "SIGSTOP");
    await waitUntil("waiting for one to stand still", () => server.processes().some(({ pid, state }) => pid === gateway && state === "T"));
    assert.equal((await server.exchange(get("/"))).status, 200, `the other gateway ${index}`);
    process.kill(gateway, "SIGCONT");
  }
  const requests = () => datagrams.filter((text) => text.startsWith("gunicorn.requests:"));
  await waitUntil("waiting for the metrics of both", () => requests().length >= 2);
  assert.deepEqual(requests(), Array(2).fill("gunicorn.requests:1|c|@1.0"));
});
