import assert from "node:assert/strict";
import { test } from "node:test";
import { resolve } from "../../src/settings/index.ts";
import { accessInPython, logsInPython } from "../../src/settings/log-writer.ts";
import { launched, settled } from "./machine.ts";

const CASES = [
  { words: [], logs: false, access: false },
  { words: ["--access-logfile", "-"], logs: false, access: false },
  { words: ["--logger-class", "gunicorn.glogging.Logger"], logs: false, access: false },
  { words: ["--logger-class", "simple", "--access-logfile", "-"], logs: false, access: false },
  { words: ["--logger-class", "gunicorn.instrument.statsd.Statsd"], logs: false, access: false },
  { words: ["--logger-class", "site.Log"], logs: true, access: true },
  { words: ["--log-config", "log.ini"], logs: true, access: true },
  { words: ["--log-config-json", "log.json"], logs: true, access: true },
  { words: ["--log-syslog"], logs: true, access: true },
  { words: ["--log-syslog", "--disable-redirect-access-to-syslog"], logs: true, access: false },
  { words: ["--log-syslog", "--disable-redirect-access-to-syslog", "--access-logfile", "-"], logs: true, access: true },
];

for (const { words, logs, access } of CASES) {
  test(`${words.join(" ") || "nothing"}: ${logs ? "a Python logger" : "arbiter and gateway"} writes`, () => {
    const { settings } = settled(["app", ...words]);
    assert.deepEqual([logsInPython(settings), accessInPython(settings)], [logs, access]);
  });
}

test("a dictionary, and a class itself, come from the configuration file", () => {
  const { settings } = settled(["app"]);
  const dictionary = {
    ...settings,
    logconfig_dict: {
      t: "dict" as const,
      v: [
        [
          { t: "str" as const, v: "version" },
          { t: "int" as const, v: "1" },
        ],
      ] as const,
    },
  };
  assert.deepEqual([logsInPython(dictionary), accessInPython(dictionary)], [true, true]);
  const logger_class = { t: "object" as const, type: "type", text: "<class 'Mine'>", name: "Mine", callable: true };
  assert.ok(accessInPython({ ...settings, logger_class }));
});

test("whoever asks for JSON lines and for a logger that has lines of its own is told", () => {
  const ends = (...words: string[]) => {
    const resolved = resolve(launched(["app", ...words]));
    return resolved.at === "exit" ? resolved.stderr : "";
  };
  assert.match(ends("--log-format", "json", "--log-syslog"), /Error: log_format is json, but logger_class, logconfig\* or syslog/);
  assert.match(ends("--request-id-echo"), /Error: request_id_echo is set without a request_id_header/);
  assert.equal(ends("--log-format", "json", "--request-id-header", "X-Request-ID", "--request-id-echo"), "");
});
