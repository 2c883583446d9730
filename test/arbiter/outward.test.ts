import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Outward } from "../../src/arbiter/outward.ts";
import { resolvedOf } from "./settings-of.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-outward-"));
const [cwd, title] = [process.cwd(), process.title];
after(() => {
  process.chdir(cwd);
  process.title = title;
  rmSync(top, { recursive: true });
});
const at = (name: string): string => join(top, name);
const read = (name: string): string => readFileSync(at(name), "utf8");

test("log, pid file, title and directory follow the settings", () => {
  const outward = new Outward(resolvedOf(["--chdir", top, "--log-file", at("log"), "-p", at("pid"), "-n", "one", "app"]), process.pid);
  assert.deepEqual([process.cwd(), process.title, read("pid")], [top, "tunicorn: master [one]", `${process.pid}\n`]);
  outward.log.write("debug", "unheard");
  outward.apply(resolvedOf(["--chdir", "/", "--log-file", at("other"), "--log-level", "debug", "-p", at("pid2"), "-n", "two", "app"]));
  outward.log.write("debug", "heard");
  assert.deepEqual([process.cwd(), process.title, existsSync(at("pid"))], ["/", "tunicorn: master [two]", false]);
  assert.match(read("other"), /Current configuration:\n[\s\S]*heard\n$/);
  assert.doesNotMatch(read("log"), /heard/);
  rmSync(at("pid2"));
  outward.apply(resolvedOf(["--log-file", at("other"), "-p", at("pid2"), "app"]));
  assert.ok(existsSync(at("pid2")), "somebody had removed it");
  outward.removePidFile();
  assert.ok(!existsSync(at("pid2")));
});

test("what cannot be changed is logged, and stays", () => {
  const outward = new Outward(resolvedOf(["--log-file", at("kept"), "-p", at("pid3"), "app"]), process.pid);
  outward.apply(resolvedOf(["--log-file", at("no/where"), "-p", "/nope/pid", "app"]));
  assert.match(read("kept"), /cannot open the log file .*no\/where: ENOENT/);
  assert.match(read("kept"), /\/nope doesn't exist\. Can't create pidfile\./);
  assert.ok(existsSync(at("pid3")));
  outward.removePidFile();
});

test("beside another master the names have a suffix, through a reload too, until it has ended", () => {
  const outward = new Outward(resolvedOf(["--log-file", at("second"), "-p", at("pid4"), "-n", "one", "app"]), process.pid, true);
  assert.deepEqual([process.title, read("pid4.2"), existsSync(at("pid4"))], ["tunicorn: master [one.2]", `${process.pid}\n`, false]);
  outward.apply(resolvedOf(["--log-file", at("second"), "-p", at("pid5"), "-n", "two", "app"]));
  assert.deepEqual([process.title, existsSync(at("pid4.2")), existsSync(at("pid5.2"))], ["tunicorn: master [two.2]", false, true]);
  process.env.GUNICORN_PID = "7";
  outward.promote();
  assert.deepEqual([process.title, existsSync(at("pid5.2")), read("pid5")], ["tunicorn: master [two]", false, `${process.pid}\n`]);
  assert.equal(process.env.GUNICORN_PID, undefined);
  outward.removePidFile();
  assert.ok(!existsSync(at("pid5")));
});
