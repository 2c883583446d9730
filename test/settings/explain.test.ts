import assert from "node:assert/strict";
import { test } from "node:test";
import { explainSetting } from "../../src/settings/explain.ts";
import { parse } from "../../src/settings/index.ts";
import { resolve } from "../../src/settings/layers.ts";
import { machine } from "./machine.ts";

function resolved(words: readonly string[], env: Record<string, string>, config: readonly (readonly [string, number])[] = []) {
  const launch = parse(words, { name: "tunicorn", version: "0.1.0" }, machine({ env }));
  assert.ok(launch.at === "launch");
  const found = resolve(
    launch,
    config.map(([name, value]) => [name, { t: "int", v: String(value) }]),
  );
  assert.ok(found.at === "resolved");
  return found;
}

test("every layer is an origin", () => {
  const all = resolved(["-w", "3", "app:app"], { WEB_CONCURRENCY: "7", GUNICORN_CMD_ARGS: "--timeout 5" }, [["keepalive", 9]]);
  assert.deepEqual([explainSetting(all, "workers").value, explainSetting(all, "workers").origin], ["3", "command line"]);
  assert.equal(explainSetting(all, "timeout").origin, "GUNICORN_CMD_ARGS");
  assert.match(explainSetting(all, "keepalive").origin, /^config file/);
  assert.equal(explainSetting(all, "backlog").origin, "default");
  const fewer = resolved(["app:app"], { WEB_CONCURRENCY: "7" });
  assert.deepEqual([explainSetting(fewer, "workers").value, explainSetting(fewer, "workers").origin], ["7", "environment WEB_CONCURRENCY"]);
});

test("all that is said of a setting", () => {
  const { summary, ...facts } = explainSetting(resolved(["-t", "5", "app:app"], {}), "timeout");
  assert.deepEqual(facts, {
    setting: "timeout",
    value: "5",
    origin: "command line",
    default: "30",
    section: "Worker Processes",
    flags: ["-t", "--timeout"],
    on_reload: "apply",
    no_effect: null,
  });
  assert.ok(summary.length > 10);
  assert.notEqual(explainSetting(resolved(["app:app"], {}), "ssl_version").no_effect, null);
});
