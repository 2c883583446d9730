import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { transform } from "esbuild";
import { filesUnder, importsOf, readProjectFile } from "./source-files.ts";

/** What each room may import, besides itself. */
const ROOMS: Readonly<Record<string, readonly string[] | "everything">> = {
  base: [],
  settings: ["base"],
  request: ["base"],
  protocol: ["base", "request"],
  wire: ["base", "request"],
  dispatch: ["base", "request"],
  lifecycle: ["base", "settings"],
  telemetry: ["base", "settings", "request"],
  gateway: ["base", "settings", "request", "protocol", "wire", "dispatch", "telemetry"],
  control: ["base", "settings", "lifecycle"],
  arbiter: ["base", "settings", "wire", "lifecycle", "control", "telemetry"],
  client: ["base", "settings", "wire", "control"],
  "node-host": ["base", "request", "protocol", "telemetry"],
  main: "everything",
};

/** Rooms without I/O: time and the outside come in as arguments. */
const PURE_ROOMS = new Set(["base", "settings", "request", "protocol", "wire", "dispatch", "lifecycle", "control"]);

/** Ways to reach the outside without an import. */
const OUTSIDE =
  /(?<![.\w$])(?:process|performance|console|globalThis)\b|\bDate\.now\b|\bnew Date\(\)|(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask|fetch)\s*\(|\bMath\.random\b/;

const sources = filesUnder("src", ".ts");

function roomOf(path: string): string {
  return path.split("/")[1] ?? "";
}

test("there are sources to check", () => assert.notEqual(sources.length, 0));

for (const path of sources) {
  const room = roomOf(path);

  test(`${path} imports only what the room ${room} may import`, () => {
    const allowed = ROOMS[room];
    assert.ok(allowed !== undefined, `src/${room} is no room: see ROOMS in this test`);
    for (const imported of importsOf(readProjectFile(path))) {
      if (!imported.startsWith(".")) {
        assert.ok(!PURE_ROOMS.has(room), `imports ${imported}, but ${room} is a pure room`);
        continue;
      }
      const target = roomOf(join(dirname(path), imported));
      assert.ok(
        target === room || allowed === "everything" || allowed.includes(target),
        `imports ${imported}, which is in the room ${target}`,
      );
    }
  });

  if (PURE_ROOMS.has(room)) {
    test(`${path} reaches nothing outside: no clock, no timer, no process`, async () => {
      const { code } = await transform(readProjectFile(path), { loader: "ts", target: "node20", legalComments: "none" });
      assert.equal(OUTSIDE.exec(withoutStrings(code))?.[0], undefined);
    });
  }
}

const REACHES = ["process.env.X", "const t = Date.now();", "new Date()", "setTimeout(f, 1)", "x = Math.random()", "console.log(1)"];
const REACHES_NOT = ['"process.env"', "this.process(x)", "new Date(at)", "subprocess.x", "`process.env`", "clearlySetTimeout(1)"];

for (const code of REACHES) test(`the check sees ${code}`, () => assert.match(withoutStrings(code), OUTSIDE));
for (const code of REACHES_NOT) test(`the check lets ${code} pass`, () => assert.doesNotMatch(withoutStrings(code), OUTSIDE));

test("the check finds imports of every form", () => {
  const source = `import a from "./a.ts";\nimport type {\n  B,\n} from "./b.ts";\nexport { c } from "./c.ts";\nimport "./d.ts";\nconst e = await import("./e.ts");`;
  assert.deepEqual(importsOf(source), ["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts"]);
});

/** Text in quotes is data; what a template computes is code, but a text between backquotes is data too. */
function withoutStrings(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{)|\$\{[^}`]*\})*`/g, '""');
}
