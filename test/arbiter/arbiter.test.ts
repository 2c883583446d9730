import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Arbiter, type ArbiterOptions } from "../../src/arbiter/arbiter.ts";
import type { EffectiveSettings } from "../../src/arbiter/effective-settings.ts";
import { InheritedSockets } from "../../src/arbiter/inherited-sockets.ts";
import type { NurseryProcess } from "../../src/arbiter/nursery-process.ts";
import { PidFile } from "../../src/arbiter/pid-file.ts";
import { ServiceNotifier } from "../../src/arbiter/service-notifier.ts";
import type { SuccessorEnd } from "../../src/arbiter/successor.ts";
import { PLAN } from "../lifecycle/world.ts";
import { resolvedOf } from "./settings-of.ts";
import { LogBook, startStandIn } from "./stand-in.ts";

/** Only what hangs meets it. */
const TIMEOUT_MS = 120_000;

interface Running {
  readonly arbiter: Arbiter;
  readonly book: LogBook;
  readonly nurseries: NurseryProcess[];
  readonly successors: { readonly listeners: readonly number[]; readonly onEnd: (end: SuccessorEnd) => void }[];
  readonly ended: Promise<number>;
}

function settingsFor(app: string, port = 0): EffectiveSettings {
  return {
    resolved: resolvedOf(["--no-control-socket", app]),
    plan: { ...PLAN, hasConfig: true, addresses: [{ index: 0, kind: "tcp", host: "127.0.0.1", port }] },
    run: 0,
    configMessage: { cmd: "run-config", kind: "file", location: "/srv/conf.py", run: 0 },
    settingsMessage: { cmd: "settings" },
    certificates: undefined,
  };
}

const rereads: ArbiterOptions["readSettings"] = () =>
  Promise.resolve({ status: "ok", effective: settingsFor("reread"), lines: [{ level: "warning", text: "a line of the reading" }] });

function run(context: TestContext, behaviour = "", readSettings = rereads): Running {
  const book = new LogBook();
  const nurseries = [startStandIn(behaviour)];
  const successors: Running["successors"] = [];
  context.after(() => {
    for (const nursery of nurseries) nursery.kill();
    book.remove();
  });
  let exit: (code: number) => void = () => {};
  const ended = new Promise<number>((fulfil) => {
    exit = fulfil;
  });
  const settings = settingsFor("start");
  const pidFile = new PidFile(join(book.directory, "pid"), process.pid);
  const arbiter = new Arbiter({
    settings,
    readSettings,
    nursery: nurseries[0] as NurseryProcess,
    startNursery: () => {
      const nursery = startStandIn();
      nurseries.push(nursery);
      return nursery;
    },
    gatewayMessage: { cmd: "gateway" },
    outward: {
      log: book.log,
      apply: ({ application }) => book.log.write("info", `applied ${application.uri}`),
      reopenLogs: () => book.log.reopen(),
      removePidFile: () => pidFile.remove(),
      promote: assert.fail,
    },
    admin: { serve: () => {}, change: () => Promise.resolve(), promote: assert.fail, end: (_, done) => done() },
    inherited: new InheritedSockets([]),
    ownsInherited: false,
    notifier: new ServiceNotifier(undefined, assert.fail),
    startSuccessor: (listeners, onEnd) => {
      successors.push({ listeners, onEnd });
      return 4711;
    },
    exit,
  });
  arbiter.start();
  return { arbiter, book, nurseries, successors, ended };
}

/** The port that the stand-in says it listens on. */
function portIn(book: LogBook): number {
  return Number(book.lines().flatMap((line) => /Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? [])[0]);
}

function isAnswered(port: number): Promise<boolean> {
  return new Promise((fulfil) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      fulfil(true);
    });
    socket.on("error", () => fulfil(false));
  });
}

test("a start, a reload and a stop", { timeout: TIMEOUT_MS }, async (context) => {
  const { arbiter, book, ended } = run(context);
  let at = await book.line(/worker ready worker=2/);
  assert.equal(readFileSync(join(book.directory, "pid"), "utf8"), `${process.pid}\n`);
  assert.equal(await arbiter.askStacks(2), "Thread MainThread of 2");
  arbiter.onSignal("hup");
  at = await book.line(/reload done gen=1 workers=2/, at);
  const port = portIn(book);
  assert.equal(await isAnswered(port), true);
  arbiter.onSignal("term");
  assert.equal(await ended, 0);
  assert.equal(await isAnswered(port), false);
  const lines = book.lines();
  assert.ok(lines.indexOf("[INFO] got unlisten") < lines.indexOf("[INFO] gateway got drain "), lines.join("\n"));
  assert.equal(lines.at(-2), "[INFO] Shutting down: Master");
  assert.throws(() => readFileSync(join(book.directory, "pid")), { code: "ENOENT" });
});

test("a new nursery is handed the listener, whose clients were never refused", { timeout: TIMEOUT_MS }, async (context) => {
  const { arbiter, book, nurseries, ended } = run(context);
  const at = await book.line(/worker ready worker=2/);
  nurseries[0]?.kill();
  await book.line(/nursery replaced/, at);
  await book.line(/adopted listener handle=true/, at);
  const commands = book
    .lines()
    .slice(at)
    .filter((line) => line.includes("] got "));
  assert.deepEqual(commands.slice(0, 2), ["[INFO] got run-config", "[INFO] got settings"]);
  assert.equal(await isAnswered(portIn(book)), true);
  // The stand-in's gateway died with it; workers it does not have are reported by nobody.
  arbiter.onSignal("quit");
  arbiter.onSignal("quit");
  void ended;
});

test("USR2 starts one new master on the kept listener; its end is told", { timeout: TIMEOUT_MS }, async (context) => {
  const { arbiter, book, successors, ended } = run(context);
  arbiter.onSignal("usr2"); // before there is a listener: it waits
  assert.equal(successors.length, 0);
  let at = await book.line(/Listening at/);
  assert.equal(successors.length, 1);
  const [fd = -1] = successors[0]?.listeners ?? [];
  assert.ok(fd > 2);
  assert.ok(readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:"));
  arbiter.onSignal("usr2");
  at = await book.line(/USR2 signal ignored\. Child exists\.$/, at);
  successors[0]?.onEnd({ status: { code: 3 } });
  await book.line(/new master ended, this one goes on pid=4711 code=3$/, at);
  arbiter.onSignal("usr2");
  assert.equal(successors.length, 2);
  arbiter.onSignal("term");
  assert.equal(await ended, 0);
});

test("a port that stays busy", { timeout: TIMEOUT_MS }, async (context) => {
  const { arbiter, book, ended } = run(context, "busy-port");
  await book.line(/Retrying in 1 second/);
  assert.ok(book.lines().includes("[ERROR] Connection in use: ('127.0.0.1', 0)"));
  arbiter.onSignal("term");
  assert.equal(await ended, 0);
});
