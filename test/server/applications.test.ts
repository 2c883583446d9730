import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KINDS, type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { runToEnd } from "./run-to-end.ts";

const FORMS = `
def make(text):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(len(text)))])
        return [text.encode()]
    return app

application = make("application")
other = make("other")

def factory(name="default", flag=False):
    return make(f"{name} {flag}")

def failing_factory():
    raise TypeError("inside the factory")

class ns:
    app = other

none = None
number = 3
`;

/** Makes a folder with the modules that these tests name. */
function modules(scope: Scope): string {
  const folder = temporaryFolder(scope);
  const files: Record<string, string> = {
    "forms.py": FORMS,
    "syntax.py": "def application(:\n",
    "raising.py": "raise RuntimeError('at import')\n",
    "importing.py": "import no_such_dependency\n",
    "exiting.py": "import sys\nsys.exit(7)\n",
    "package/__init__.py": "",
    "package/inner.py": FORMS,
    "namespace/inner.py": FORMS,
    "elsewhere/far.py": FORMS,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const SERVED = [
  { args: ["forms"], body: "application" },
  { args: ["forms:other"], body: "other" },
  { args: ["forms:factory()"], body: "default False" },
  { args: ['forms:factory("a", flag=True)'], body: "a True" },
  { args: ["forms:factory(name='x')"], body: "x False" },
  { args: ["package.inner:other"], body: "other" },
  { args: ["namespace.inner:other"], body: "other" },
  { args: ["--chdir", "elsewhere", "far"], body: "application" },
  { args: ["--pythonpath", "elsewhere", "far:other"], body: "other" },
  { args: ["--pythonpath", "package,elsewhere", "far:other"], body: "other" },
  { args: ["-c", "conf.py"], body: "other", config: "wsgi_app = 'forms:other'\n" },
  { args: ["-c", "conf.py", "forms"], body: "application", config: "wsgi_app = 'forms:other'\n" },
  { args: ["forms", "forms:other"], body: "application" },
];

const FAILING = [
  { app: "forms:nosuch", code: 4, text: "Failed to find attribute 'nosuch' in 'forms'." },
  { app: "forms:none", code: 4, text: "Failed to find application object: 'none'" },
  { app: "forms:number", code: 4, text: "Application object must be callable." },
  { app: "forms:ns.app", code: 4, text: "Failed to parse 'ns.app' as an attribute name or function call." },
  { app: "forms:", code: 4, text: "Failed to parse '' as an attribute name or function call." },
  { app: "forms:1+", code: 4, text: "Failed to parse '1+' as an attribute name or function call." },
  { app: "forms:ns.app()", code: 4, text: "Function reference must be a simple name: 'ns.app()'" },
  { app: "forms:factory(os)", code: 4, text: "Failed to parse arguments as literal values: 'factory(os)'" },
  { app: "forms:factory(1, 2, 3)", code: 4, text: "TypeError: factory() takes from 0 to 2 positional arguments but 3 were given" },
  { app: "forms:failing_factory()", code: 3, text: "TypeError: inside the factory", traceback: true },
  { app: "nosuchmodule", code: 3, text: "ModuleNotFoundError: No module named 'nosuchmodule'", traceback: true },
  { app: "nosuch.module:app", code: 3, text: "ModuleNotFoundError: No module named 'nosuch'", traceback: true },
  { app: "importing", code: 3, text: "ModuleNotFoundError: No module named 'no_such_dependency'", traceback: true },
  { app: "forms.py", code: 3, text: "ImportError: Failed to find application, did you mean 'forms:application'?", traceback: true },
  { app: "forms.py:other", code: 3, text: "ImportError: Failed to find application, did you mean 'forms:other'?", traceback: true },
  { app: "syntax", code: 3, text: "SyntaxError: invalid syntax", traceback: true },
  { app: "raising", code: 3, text: "RuntimeError: at import", traceback: true },
];

const REASONS: Readonly<Record<number, string>> = { 3: "Worker failed to boot.", 4: "App failed to load." };

for (const kind of KINDS) {
  for (const { args, body, config } of SERVED) {
    test(`${kind} ${args.join(" ")} serves`, async (t) => {
      const cwd = modules(t);
      if (config !== undefined) writeFileSync(join(cwd, "conf.py"), config);
      const server = await Server.start(t, kind, { args, cwd });
      assert.equal((await server.exchange(get("/"))).body, body);
    });
  }

  for (const { app, code, text, traceback } of FAILING) {
    test(`${kind} ${app} ends with ${code} and says why`, async (t) => {
      const { code: ended, stderr, stdout } = await runToEnd(t, kind, { args: [app], cwd: modules(t), bind: "127.0.0.1:0" });
      assert.equal(ended, code, stderr);
      const lines = stderr.split("\n");
      assert.ok(
        lines.some((line) => line.endsWith(text)),
        stderr,
      );
      assert.match(stderr, new RegExp(`\\[ERROR\\] Worker \\(pid:\\d+\\) exited with code ${code}\\.$`, "m"));
      assert.match(stderr, /\[ERROR\] Shutting down: Master$/m);
      assert.match(stderr, new RegExp(`\\[ERROR\\] Reason: ${REASONS[code]}$`, "m"));
      assert.equal(stderr.includes("Traceback (most recent call last):"), traceback === true, stderr);
      assert.equal(stderr.includes("[ERROR] Exception in worker process"), traceback === true, stderr);
      assert.equal(stdout, "");
    });
  }

  test(`${kind}: an application that calls sys.exit at import is tried again`, async (t) => {
    const server = Server.spawn(t, kind, { args: ["exiting"], cwd: modules(t) });
    await server.waitForLine(/\[ERROR\] Worker \(pid:\d+\) exited with code 7\.$/);
    const seen = server.lines.length;
    await server.waitForLine(/\[ERROR\] Worker \(pid:\d+\) exited with code 7\.$/, seen);
  });

  test(`${kind}: the application's process is as Gunicorn's`, async (t) => {
    const server = await Server.start(t, kind, { args: ["-e", "FOO=bar", "cases"] });
    const facts = JSON.parse((await server.exchange(get("/identity"))).body);
    assert.equal(facts.FOO, "bar");
    assert.equal(facts.main, "__main__");
    assert.match(facts.cwd, /test\/server\/apps$/);
    assert.match(facts.path0, /test\/server\/apps$/);
    assert.match(facts.SERVER_SOFTWARE, /^gunicorn\/27\.0\.1/);
    assert.deepEqual(facts.argv.slice(1), ["-b", "127.0.0.1:0", "-e", "FOO=bar", "cases"]);
  });
}
