import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openLogs } from "../../src/arbiter/log-files.ts";
import { settingsOf } from "./settings-of.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-logs-"));
after(() => rmSync(top, { recursive: true }));

test("both logs are opened; loglevel counts", () => {
  const settings = settingsOf(["--log-file", join(top, "error"), "--access-logfile", join(top, "access"), "--log-level", "error", "app"]);
  const log = openLogs(settings, 7);
  assert.equal(log.isEnabled("warning"), false);
  assert.ok(existsSync(join(top, "error")) && existsSync(join(top, "access")));
});

test("a format that cannot work is refused, where the gateway writes by it", () => {
  const words = ["--access-logfile", join(top, "access"), "--access-logformat", "%(h)q", "app"];
  assert.throws(() => openLogs(settingsOf(words), 7), /access_log_format "%\(h\)q": %\(h\)q is not a conversion/);
  openLogs(settingsOf([...words, "-k", "tornado"]), 7);
  openLogs(settingsOf(["--access-logformat", "%(h)q", "app"]), 7);
});

for (const flag of ["--log-file", "--access-logfile"]) {
  test(`${flag} that cannot be written is Gunicorn's error`, () => {
    assert.throws(() => openLogs(settingsOf([flag, "/nope/x", "app"]), 7), {
      message: "Error: '/nope/x' isn't writable [FileNotFoundError(2, 'No such file or directory')]",
    });
  });
  test(`${flag} that is a directory`, () => {
    assert.throws(() => openLogs(settingsOf([flag, top, "app"]), 7), {
      message: `Error: '${top}' isn't writable [IsADirectoryError(21, 'Is a directory')]`,
    });
  });
}
