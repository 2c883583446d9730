import assert from "node:assert/strict";
import { test } from "node:test";
import { describeStatus, exitReport, haltReason, waitStatus } from "../../src/lifecycle/exit-report.ts";
import type { ExitStatus } from "../../src/lifecycle/messages.ts";

// processes.md §1.2, the reap messages
const REPORTS: readonly (readonly [ExitStatus, string | undefined])[] = [
  [{ code: 0 }, undefined],
  [null, undefined],
  [{ code: 3 }, "error: Worker (pid:7) exited with code 3."],
  [{ code: 255 }, "error: Worker (pid:7) exited with code 255."],
  [{ signal: "SIGKILL" }, "error: Worker (pid:7) was sent SIGKILL! Perhaps out of memory?"],
  [{ signal: "SIGTERM" }, "info: Worker (pid:7) was sent SIGTERM!"],
  [{ signal: "SIGSEGV" }, "warning: Worker (pid:7) was sent SIGSEGV!"],
  [{ signal: "signal 64" }, "warning: Worker (pid:7) was sent signal 64!"],
];
for (const [status, expected] of REPORTS) {
  test(`a worker ends with ${JSON.stringify(status)}`, () => {
    const report = exitReport(7, status);
    assert.equal(report && `${report.level}: ${report.text}`, expected);
  });
}

const REASONS: readonly (readonly [ExitStatus, string | undefined])[] = [
  [{ code: 3 }, "Worker failed to boot."],
  [{ code: 4 }, "App failed to load."],
  [{ code: 1 }, undefined],
  [{ signal: "SIGKILL" }, undefined],
  [null, undefined],
];
for (const [status, expected] of REASONS) {
  test(`the server ends because of ${JSON.stringify(status)}: ${expected}`, () => assert.equal(haltReason(status), expected));
}

test("statuses in lines of ours, and as waitpid gives them", () => {
  assert.deepEqual([{ code: 3 }, { signal: "SIGKILL" }, null].map(describeStatus), ["code=3", "signal=SIGKILL", "status=unknown"]);
  assert.deepEqual([{ code: 3 }, { signal: "SIGKILL" }, null].map(waitStatus), ["768", "SIGKILL", "unknown"]);
});
