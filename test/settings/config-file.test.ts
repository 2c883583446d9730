import assert from "node:assert/strict";
import { test } from "node:test";
import { configFailed, extensionWarning, findConfig } from "../../src/settings/config-file.ts";
import { machine } from "./machine.ts";

const srv = machine({ cwd: "/srv" }, { "/srv/tunicorn.conf.py": "", "/srv/gunicorn.conf.py": "", "/srv/sub/c.py": "", "/srv/c": "" });

const FOUND = [
  { option: undefined, kind: "file", location: "/srv/gunicorn.conf.py", shown: "/srv/gunicorn.conf.py" },
  { option: "", kind: "file", location: "/srv/gunicorn.conf.py", shown: "/srv/gunicorn.conf.py" },
  { option: "sub/c.py", kind: "file", location: "/srv/sub/c.py", shown: "sub/c.py" },
  { option: "file:./sub/c.py", kind: "file", location: "/srv/sub/c.py", shown: "./sub/c.py" },
  { option: "/srv/c", kind: "file", location: "/srv/c", shown: "/srv/c" },
  { option: "python:pkg.mod", kind: "module", location: "pkg.mod", shown: "python:pkg.mod" },
];

for (const { option, ...expected } of FOUND) {
  test(`-c ${JSON.stringify(option)} means ${expected.location}`, () => assert.deepEqual(findConfig(option, srv), expected));
}

test("tunicorn.conf.py is read when there is no gunicorn.conf.py, and no file is no error", () => {
  const found = findConfig(undefined, machine({ cwd: "/srv" }, { "/srv/tunicorn.conf.py": "" }));
  assert.deepEqual(found, { kind: "file", location: "/srv/tunicorn.conf.py", shown: "/srv/tunicorn.conf.py" });
  assert.equal(findConfig(undefined, machine({ cwd: "/srv" })), undefined);
});

test("a file that does not exist ends the start", () => {
  assert.deepEqual(findConfig("file:nope.py", srv), { at: "exit", stdout: "", stderr: "\nError: 'nope.py' doesn't exist\n", status: 1 });
});

const WARNING = "!!!\n!!! WARNING: configuration file should have a valid Python extension.\n!!!\n\n";

test("files that are not named like Python are warned of", () => {
  const warning = (location: string) => extensionWarning({ kind: "file", location, shown: location });
  assert.deepEqual(["/a.py", "/a.pyc", "/a", "/a.txt", "/.py"].map(warning), ["", "", WARNING, WARNING, WARNING]);
  assert.equal(extensionWarning({ kind: "module", location: "a", shown: "python:a" }), "");
});

const FILE = { kind: "file", location: "/srv/c.py", shown: "c.py" } as const;
const MODULE = { kind: "module", location: "pkg.mod", shown: "python:pkg.mod" } as const;
const FAILURES = [
  {
    source: FILE,
    failure: { status: "failed", text: "Traceback\nX: y\n", code: 1 },
    stderr: "Failed to read config file: c.py\nTraceback\nX: y\n",
    exit: 1,
  },
  { source: FILE, failure: { status: "missing", text: "", code: 1 }, stderr: "\nError: 'c.py' doesn't exist\n", exit: 1 },
  { source: FILE, failure: { status: "exited", text: "", code: 7 }, stderr: "", exit: 7 },
  {
    source: MODULE,
    failure: { status: "missing", text: "No module named 'pkg'", code: 1 },
    stderr: "\nError: No module named 'pkg'\n",
    exit: 1,
  },
  {
    source: MODULE,
    failure: { status: "failed", text: "Traceback\nZeroDivisionError: division by zero\n", code: 1 },
    stderr: "Traceback\nZeroDivisionError: division by zero\n\nError: division by zero\n",
    exit: 1,
  },
] as const;

for (const { source, failure, stderr, exit } of FAILURES) {
  test(`a configuration of kind ${source.kind} that ${failure.status} ends with status ${exit}`, () => {
    assert.deepEqual(configFailed(source, failure), { at: "exit", stdout: "", stderr, status: exit });
  });
}
