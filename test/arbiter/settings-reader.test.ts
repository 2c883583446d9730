import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { effectiveSettings, type MasterFacts } from "../../src/arbiter/effective-settings.ts";
import { SettingsReader } from "../../src/arbiter/settings-reader.ts";
import { readSurroundings } from "../../src/arbiter/surroundings.ts";
import { parse } from "../../src/settings/index.ts";
import { resolvedOf } from "./settings-of.ts";
import { startStandIn } from "./stand-in.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-reader-"));
after(() => rmSync(top, { recursive: true }));
writeFileSync(join(top, "conf.py"), "");

const MASTER = {
  version: "0.1.0",
  pid: 42,
  python: "python3",
  gatewayUnderWay: false,
  predecessor: undefined,
  containerEndsWithUs: false,
  inherited: undefined,
};

async function read(words: readonly string[], behaviour = "", master: MasterFacts = MASTER) {
  const surroundings = { ...readSurroundings(), env: {}, cwd: top };
  const again = () => parse(words, { name: "tunicorn", version: "0.1.0" }, surroundings);
  const launch = again();
  const current = effectiveSettings(
    resolvedOf(["app"]),
    { config: undefined, ...(launch.at === "launch" ? launch : {}) } as never,
    master,
    undefined,
  );
  const nursery = startStandIn(behaviour);
  // Somebody serves, and hears what the reader leaves.
  nursery.listen(() => {});
  const outcome = await new SettingsReader(again, master, surroundings).read(current, nursery);
  nursery.kill();
  return outcome;
}

test("all layers are read again; what only a start can change keeps its value, and is named", async () => {
  const outcome = await read(["-c", "conf.py", "--backlog", "5", "app"]);
  assert.ok(outcome.status === "ok");
  assert.deepEqual([outcome.effective.plan.workers, outcome.effective.plan.backlog, outcome.effective.run], [3, 2048, 1]);
  assert.deepEqual(
    outcome.lines.filter(({ level }) => level === "warning"),
    [{ level: "warning", text: "setting changed, it takes effect with the next start name=backlog now=2048 then=5" }],
  );
});

for (const { words, behaviour, text } of [
  { words: ["-c", "conf.py", "app"], behaviour: "broken-config", text: /SyntaxError: no/ },
  { words: ["-c", "none.py", "app"], behaviour: "", text: /'none\.py' doesn't exist/ },
  { words: ["-w", "-1", "app"], behaviour: "", text: /Value must be positive/ },
  { words: ["-b", "fd://7", "app"], behaviour: "", text: /fd:\/\/7 was not taken over at the start/ },
  { words: ["-b", "x:zz", "app"], behaviour: "", text: /'zz' is not a valid port number/ },
  { words: ["-e", "FOO", "app"], behaviour: "", text: /environment setting 'FOO' invalid/ },
  { words: ["--dirty-workers", "2", "app"], behaviour: "", text: /setting 'dirty_workers' is not supported yet/ },
  { words: ["--certfile", "/nope", "app"], behaviour: "", text: /certfile "\/nope" does not exist/ },
  { words: ["--log-file", "/nope/log", "app"], behaviour: "", text: /isn't writable/ },
  { words: ["-k", "some.Class", "app"], behaviour: "broken-app", text: /class uri/ },
  { words: ["-c", "conf.py", "app"], behaviour: "die-at-once", text: /ended before it had run the configuration/ },
]) {
  test(`${words.join(" ")} ${behaviour} cannot be used`, async () => {
    const outcome = await read(words, behaviour);
    assert.ok(outcome.status === "failed");
    assert.match(outcome.text, text);
  });
}

test("sockets that came with the start stay, whatever the addresses are; that they changed is said", async () => {
  const inherited = { descriptors: [3, 4], names: [], from: "service-manager" as const };
  const outcome = await read(["-b", "127.0.0.1:9", "app"], "", { ...MASTER, inherited });
  assert.ok(outcome.status === "ok");
  assert.deepEqual(
    outcome.effective.plan.addresses.map((address) => address.kind === "fd" && address.fd),
    [3, 4],
  );
  assert.match(outcome.lines[0]?.text ?? "", /keeps the sockets that it was started with name=bind$/);
});
