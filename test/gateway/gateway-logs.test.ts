import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { describeError, GatewayLogs } from "../../src/gateway/gateway-logs.ts";
import type { LoggedExchange } from "../../src/gateway/logged-exchange.ts";
import type { Completion } from "../../src/request/exchange.ts";
import { requestHead } from "./memory-exchange.ts";
import { settingsOf } from "./settings-of.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

const EXCHANGE: LoggedExchange = {
  head: requestHead("GET", "/a"),
  arrivedMs: 0,
  status: 200,
  bodyBytes: 5,
  fieldLines: "X: 1\r\n",
  workerPid: undefined,
  workerGeneration: undefined,
  startedMs: undefined,
  completionTaker: undefined,
};

/** Logs in a directory of their own, and a nursery that keeps what it gets. */
function logsIn(t: TestContext, words: readonly string[] = []) {
  const directory = temporaryDirectory(t);
  const sent: Record<string, unknown>[] = [];
  const nursery = {
    connected: true,
    send(message: object) {
      sent.push(message as Record<string, unknown>);
      return true;
    },
  };
  const [access, errors] = [join(directory, "access.log"), join(directory, "error.log")];
  const own = ["--access-logfile", access, "--access-logformat", "%(U)s %(s)s %(B)s %(M)s %(p)s", "--error-logfile", errors];
  const settings = (more: readonly string[] = []) => settingsOf([...own, ...words, ...more]);
  const logs = new GatewayLogs(settings(), "/mount", nursery);
  const errorLines = () => readFileSync(errors, "utf8").replace(/^\[[^\]]*\] \[\d+\] /gm, "");
  return { logs, sent, access, errors, settings, errorLines };
}

test("a request that is over has its line, and one that no worker had is this process's", (t) => {
  const { logs, sent, access } = logsIn(t);
  logs.request(EXCHANGE, 12);
  logs.request({ ...EXCHANGE, status: 404, workerPid: 7 }, 3);
  logs.flush();
  assert.equal(readFileSync(access, "utf8"), `/a 200 5 12 <${process.pid}>\n/a 404 5 3 <7>\n`);
  assert.deepEqual(sent, []);
});

test("a logger of Python's: a worker that can writes the line, else the nursery; this process opens no access log", (t) => {
  const { logs, sent, access } = logsIn(t, ["--logger-class", "app.Logger"]);
  const taken: Completion[] = [];
  const worker = (can: boolean) => ({
    completed: (completion: Completion) => {
      if (can) taken.push(completion);
      return can;
    },
  });
  logs.request({ ...EXCHANGE, status: 201, completionTaker: worker(true) }, 1.5);
  assert.deepEqual([taken.map(({ status, durationUs }) => [status, durationUs]), sent.length], [[[201, 1500]], 0]);
  logs.request({ ...EXCHANGE, status: 202, completionTaker: worker(false) }, 1);
  logs.request({ ...EXCHANGE, status: 203 }, 1);
  logs.unclaimed({ head: EXCHANGE.head, status: 204, bodyBytes: 0, fieldLines: "", durationUs: 1 });
  assert.deepEqual(
    sent.map(({ ev, status }) => [ev, status]),
    [202, 203, 204].map((status) => ["access", status]),
  );
  logs.flush();
  assert.equal(existsSync(access), false);
});

test("lines of the error log go to a logger of Python's, after a reload to the file again", (t) => {
  const { logs, sent, settings, errorLines } = logsIn(t, ["--logger-class", "app.Logger"]);
  logs.warn("to Python");
  assert.deepEqual(sent, [{ ev: "log", level: "warning", text: "to Python" }]);
  logs.change(settings(["--logger-class", "gunicorn.glogging.Logger"]), "/mount");
  logs.warn("to the file");
  assert.deepEqual([errorLines(), sent.length], ["[WARNING] to the file\n", 1]);
});

test("limits of time are as loud as they concern the operator", (t) => {
  const { logs, errorLines } = logsIn(t, ["--log-level", "debug"]);
  for (const limit of ["queue-timeout", "head-timeout", "idle-timeout"] as const) logs.limitReached(limit, 1_500, "192.0.2.1");
  assert.equal(
    errorLines(),
    [
      "[WARNING] limit reached limit=queue-timeout seconds=1.5 ip=192.0.2.1\n",
      "[INFO] limit reached limit=head-timeout seconds=1.5 ip=192.0.2.1\n",
      "[DEBUG] limit reached limit=idle-timeout seconds=1.5 ip=192.0.2.1\n",
    ].join(""),
  );
});

test("a fault is written with its stack, or as what it is", (t) => {
  const { logs, errorLines } = logsIn(t);
  logs.fault(new Error("of ours"));
  assert.match(errorLines(), /^\[ERROR\] gateway fault Error: of ours\n {4}at /);
  assert.equal(describeError("no error"), "no error");
});

test("a reload opens the files anew, and says which one it cannot open", (t) => {
  const { logs, access, errors, settings, errorLines } = logsIn(t);
  logs.request(EXCHANGE, 1);
  for (const path of [access, errors]) renameSync(path, `${path}.1`);
  logs.change(settings(), "/mount");
  assert.deepEqual([existsSync(access), existsSync(errors), readFileSync(`${access}.1`, "utf8") !== ""], [true, true, true]);
  logs.change(settings(["--error-logfile", join(errors, "below-a-file")]), "/mount");
  assert.match(errorLines(), /^\[ERROR\] .*below-a-file/);
});

test("statsD that cannot be reached is a warning", async (t) => {
  const { logs, settings, errorLines } = logsIn(t);
  logs.followStatsd(settings(["--statsd-host", "127.0.0.1:1"]), ["/nonexistent-interpreter"]);
  logs.request(EXCHANGE, 1);
  logs.flush();
  await until(() => errorLines() !== "");
  assert.match(errorLines(), /^\[WARNING\] Error sending message to statsd: /);
});
