import assert from "node:assert/strict";
import { test } from "node:test";
import { LOGGING } from "../../../src/settings/table/logging.ts";
import { machine } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(LOGGING);

const SYSLOG = [
  { platform: "linux", address: "udp://localhost:514" },
  { platform: "darwin", address: "unix:///var/run/syslog" },
  { platform: "freebsd", address: "unix:///var/run/log" },
  { platform: "openbsd", address: "unix:///dev/log" },
];

for (const { platform, address } of SYSLOG) {
  test(`syslog is at ${address} on ${platform}`, () => {
    const entry = LOGGING.syslog_addr;
    assert.equal(entry.surroundingDefault?.(machine({ platform }))?.value ?? entry.default, address);
  });
}
