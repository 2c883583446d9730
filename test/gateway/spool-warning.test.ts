import assert from "node:assert/strict";
import { test } from "node:test";
import { SpoolWarning } from "../../src/gateway/spool-warning.ts";

test("a disk that refuses is said once a minute, with the directory and what to do", () => {
  let now = 5;
  const said: string[] = [];
  const warning = new SpoolWarning(
    () => now,
    (text) => said.push(text),
  );
  const full = new Error("ENOSPC: no space left on device, write");
  warning.report(full, "/var/spool/app");
  now += 59_999;
  warning.report(full, "/var/spool/app");
  assert.deepEqual(said, [
    "cannot spool to /var/spool/app: ENOSPC: no space left on device; large bodies now go straight through, and slow clients hold workers: make room there, or set tmp_upload_dir",
  ]);
  now += 1;
  warning.report(new Error("EIO: i/o error, open '/var/spool/app/tunicorn-spool-1-1'"), "/var/spool/app");
  assert.equal(said.length, 2);
  assert.match(said[1]!, /^cannot spool to \/var\/spool\/app: EIO: i\/o error; /);
});
