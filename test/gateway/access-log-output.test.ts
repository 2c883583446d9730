import assert from "node:assert/strict";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AccessLogOutput } from "../../src/gateway/access-log-output.ts";
import type { Settings } from "../../src/settings/table.ts";
import type { AccessLog } from "../../src/telemetry/access-log.ts";
import type { AccessRecord } from "../../src/telemetry/access-log-atoms.ts";
import { requestHead } from "./memory-exchange.ts";
import { settingsOf } from "./settings-of.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

function record(path: string): AccessRecord {
  return {
    head: requestHead("GET", path),
    status: 200,
    bodyBytes: 5,
    durationUs: 1_000,
    responseFieldLines: "",
    workerPid: 7,
    finishedMs: 0,
  };
}

function openAccessLog(settings: Settings, scriptName: string, onError: (text: string) => void): AccessLog | undefined {
  const output = new AccessLogOutput();
  output.change(settings, scriptName, onError);
  return output.log;
}

test("no access log is asked for: there is none", () => {
  assert.equal(openAccessLog(settingsOf(), "", assert.fail), undefined);
});

for (const { workers, scriptName, line } of [
  { workers: 1, scriptName: "", line: "/a 200 5 <7>  False False" },
  { workers: 2, scriptName: "/mount", line: "/a 200 5 <7> /mount True False" },
]) {
  test(`lines go to the file in the settings' format, with what ${workers} worker(s) under "${scriptName}" have in their environ`, async (t) => {
    const path = join(temporaryDirectory(t), "access.log");
    const format = "%(U)s %(s)s %(B)s %(p)s %({script_name}e)s %({wsgi.multiprocess}e)s %({wsgi.multithread}e)s";
    const settings = settingsOf(["--access-logfile", path, "--access-logformat", format, "-w", String(workers)]);
    const log = openAccessLog(settings, scriptName, assert.fail) ?? assert.fail("there is a log");
    log.add(record("/a"));
    await until(() => readFileSync(path, "utf8") !== "");
    assert.equal(readFileSync(path, "utf8"), `${line}\n`);
  });
}

test("a reload changes format and file, and keeps a file whose successor cannot be opened", async (t) => {
  const folder = temporaryDirectory(t);
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  const errors: string[] = [];
  const output = new AccessLogOutput();
  const change = (...words: string[]) => output.change(settingsOf(words), "", (text) => errors.push(text));
  change("--access-logfile", one, "--access-logformat", "%(U)s");
  output.log?.add(record("/a"));
  change("--access-logfile", one, "--access-logformat", "%(s)s");
  output.log?.add(record("/b"));
  change("--access-logfile", other, "--access-logformat", "%(U)s");
  output.log?.add(record("/c"));
  change("--access-logfile", join(folder, "no", "where"), "--access-logformat", "%(s)s");
  output.log?.add(record("/d"));
  output.log?.flush();
  assert.deepEqual([readFileSync(one, "utf8"), readFileSync(other, "utf8")], ["/a\n200\n", "/c\n/d\n"]);
  assert.match(errors.join(), /^cannot open the access log .*where: ENOENT/);
  change();
  assert.equal(output.log, undefined);
});

test("the file is opened again after a rotation; what cannot be opened is told", (t) => {
  const folder = temporaryDirectory(t);
  const path = join(folder, "logs");
  const errors: string[] = [];
  const settings = settingsOf(["--access-logfile", path, "--access-logformat", "%(U)s"]);
  const log = openAccessLog(settings, "", (text) => errors.push(text)) ?? assert.fail("there is a log");
  log.add(record("/before"));
  renameSync(path, `${path}.1`);
  log.reopen();
  log.add(record("/after"));
  log.flush();
  assert.deepEqual([readFileSync(`${path}.1`, "utf8"), readFileSync(path, "utf8")], ["/before\n", "/after\n"]);
  renameSync(folder, `${folder}.away`);
  t.after(() => renameSync(`${folder}.away`, folder));
  log.reopen();
  assert.equal(errors.length, 1);
  assert.ok(errors[0]?.includes(path));
});
