/** What is said of a worker class that is not there, and of one that does not go with the application. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { environmentWithout } from "./environment-without.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { runToEnd } from "./run-to-end.ts";

interface Missing {
  readonly name: string;
  /** The value of -k. */
  readonly uri: string;
  /** Packages that the environment is without. */
  readonly without: readonly string[];
  /** The last line of Gunicorn's traceback, which both show. */
  readonly traceback: RegExp;
  /** What Tunicorn adds. */
  readonly help: RegExp;
}

const MISSING: readonly Missing[] = [
  {
    name: "an unknown name",
    uri: "nope",
    without: [],
    traceback: /^ImportError: Entry point \('gunicorn\.workers', 'nope'\) not found$/m,
    help: /^Worker classes are sync, gthread, gevent, tornado and asgi, or the dotted path of one: package\.Class$/m,
  },
  {
    name: "an unknown module",
    uri: "nosuchmodule.Worker",
    without: [],
    traceback: /^ModuleNotFoundError: No module named 'nosuchmodule'$/m,
    help: /^There is no module 'nosuchmodule' on the import path: install it, or name its folder with --pythonpath$/m,
  },
  {
    name: "tornado without Tornado",
    uri: "tornado",
    without: ["tornado"],
    traceback: /^RuntimeError: You need tornado installed to use this worker\.$/m,
    help: /^The package is not in the application's environment: pip install tornado$/m,
  },
  {
    name: "aiohttp's without aiohttp",
    uri: "aiohttp.GunicornWebWorker",
    without: ["aiohttp"],
    traceback: /^ModuleNotFoundError: No module named 'aiohttp'$/m,
    help: /^The package is not in the application's environment: pip install aiohttp$/m,
  },
];

for (const kind of KINDS) {
  for (const { name, uri, without, traceback, help } of MISSING) {
    test(`${kind}: -k ${uri}, ${name}`, async (t) => {
      // Gunicorn's program has its environment in its first line.
      const env = without.length > 0 ? environmentWithout(t, without) : {};
      const through = kind === "gunicorn" && without.length > 0 ? [join(env.VIRTUAL_ENV ?? "", "bin/python")] : [];
      const ended = await runToEnd(t, kind, { args: ["-k", uri, "cases"], env, through });
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, new RegExp(`^\\nError: class uri '${uri}' invalid or not found: \\n\\n\\[Traceback`));
      assert.match(ended.stderr, traceback);
      if (kind === "tunicorn") assert.match(ended.stderr, help);
    });
  }

  test(`${kind}: a class that does not like the settings`, async (t) => {
    const ended = await runToEnd(t, kind, {
      args: ["-b", "127.0.0.1:0", "--keep-alive", "7", "-k", "third_party.PlainWorker", "third_party"],
    });
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /\nError: PlainWorker does not like a keepalive of 7\n/);
  });

  test(`${kind}: a WSGI application under Tornado's class is put into Tornado's container`, async (t) => {
    const server = await Server.start(t, kind, { args: ["-k", "tornado", "cases"] });
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  });
}

for (const kind of KINDS.filter((each) => each === "tunicorn")) {
  test(`${kind}: a subclass of the package's sync class without the package`, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "sub.py"), "from gunicorn.workers.sync import SyncWorker\nclass Mine(SyncWorker): ...\n");
    const env = environmentWithout(t, ["gunicorn"]);
    const { code, stderr } = await runToEnd(t, kind, { args: ["-k", "sub.Mine", "sub"], env, cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, /^\nError: class uri 'sub\.Mine' invalid or not found: /);
    assert.match(
      stderr,
      /^The class needs gunicorn\.workers\.sync of the gunicorn package, which is not installed: pip install gunicorn$/m,
    );
  });

  test(`${kind}: a subclass of the package's sync class with the package`, async (t) => {
    const folder = temporaryFolder(t);
    const app = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'own']\n";
    writeFileSync(join(folder, "sub.py"), `from gunicorn.workers.sync import SyncWorker\nclass Mine(SyncWorker): ...\n${app}`);
    const server = await Server.start(t, kind, { args: ["-k", "sub.Mine", "sub"], cwd: folder });
    assert.equal((await server.exchange(get("/"))).body, "own");
    assert.equal(server.gateway(), undefined);
  });

  /** `code`: 1 where the application is loaded before the workers are forked, as when it cannot be loaded there. */
  const WRONG_PAIRS: readonly { readonly args: readonly string[]; readonly words: string; readonly code?: number }[] = [
    {
      args: ["tornado_site:app"],
      words: "a Tornado application, which worker class 'sync' cannot serve: serve it with --worker-class tornado",
    },
    {
      args: ["aiohttp_site:app"],
      words: "an aiohttp application, which worker class 'sync' cannot serve: serve it with --worker-class aiohttp.GunicornWebWorker",
    },
    {
      args: ["--preload", "aiohttp_site:factory"],
      code: 1,
      words: "an aiohttp application, which worker class 'sync' cannot serve: serve it with --worker-class aiohttp.GunicornWebWorker",
    },
    {
      args: ["-k", "tornado", "aiohttp_site:app"],
      words: "an aiohttp application, which worker class 'tornado' cannot serve: serve it with --worker-class aiohttp.GunicornWebWorker",
    },
    {
      args: ["-k", "aiohttp.GunicornWebWorker", "cases"],
      words:
        "a WSGI application (it is neither an aiohttp.web.Application nor async), which worker class 'aiohttp.GunicornWebWorker' " +
        "cannot serve: serve it with --worker-class sync",
    },
    {
      args: ["--preload", "-k", "aiohttp.GunicornUVLoopWebWorker", "tornado_site:app"],
      words:
        "a Tornado application, which worker class 'aiohttp.GunicornUVLoopWebWorker' cannot serve: serve it with --worker-class tornado",
    },
  ];

  for (const { args, words, code = 4 } of WRONG_PAIRS) {
    test(`${kind}: ${args.join(" ")} is refused in words`, async (t) => {
      const server = Server.spawn(t, kind, { args });
      assert.deepEqual(await server.exit(), { code, signal: null });
      assert.ok(server.output("stderr").includes(`The application is ${words}\n`), server.output());
      assert.match(server.output(), /\[ERROR\] Reason: App failed to load\./);
      await server.nothingLeft();
    });
  }
}
