import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commandOf as commandFor, SERVERS, type ServeCase } from "../../bench/servers.ts";

const PLAIN: ServeCase = {
  app: "flask",
  workers: 3,
  threads: "best",
  greenlets: false,
  connections: 32,
  idle: false,
  accessLog: false,
  admin: false,
  jsonLog: false,
  preload: false,
  tls: undefined,
  port: 4211,
};

/** What a server that cannot serve WSGI is asked to serve. */
const APP_OF: Readonly<Record<string, ServeCase["app"]>> = {
  uvicorn: "fastapi",
  "uvicorn-wsproto": "websocket",
  "gunicorn-asgi": "fastapi",
};
const GREENLETS_ONLY = new Set(["gunicorn-gevent"]);

function commandOf(name: string, changes: Partial<ServeCase> = {}): string | undefined {
  return SERVERS.find((server) => server.name === name)
    ?.command({ ...PLAIN, app: APP_OF[name] ?? PLAIN.app, greenlets: GREENLETS_ONLY.has(name), ...changes })
    ?.join(" ");
}

describe("SERVERS", () => {
  for (const { name } of SERVERS) {
    test(`${name} serves the application on the port`, () => {
      const command = commandOf(name);
      assert.match(command ?? "", new RegExp(`${APP_OF[name] ?? "flask"}_(?:app|asgi):application`));
      assert.match(command ?? "", /4211/);
    });

    test(`${name} either cannot preload or is told to`, () => {
      const [plain, preloaded] = [commandOf(name), commandOf(name, { preload: true })];
      assert.ok(preloaded !== plain);
    });

    test(`${name} either has no access log or is told to write one`, () => {
      assert.notEqual(commandOf(name, { accessLog: true }), commandOf(name));
    });
  }

  test("who speaks HTTP/2 is given a certificate, the others do not take part", () => {
    const commands = SERVERS.map((server) => [server.name, commandFor(server, { ...PLAIN, app: "hello", tls: "h2" })] as const);
    const speakers = commands.filter(([, command]) => command !== undefined);
    assert.deepEqual(
      speakers.map(([name]) => name),
      ["tunicorn", "gunicorn-gthread", "granian"],
    );
    for (const [, command] of speakers) assert.match(command?.join(" ") ?? "", /server\.pem .*server\.key/);
  });

  test("with metrics on a port of their own, one takes part", () => {
    const commands = SERVERS.map((server) => commandFor(server, { ...PLAIN, app: "hello", admin: true }));
    const [command, ...others] = commands.filter((each) => each !== undefined);
    assert.deepEqual([command?.[0]?.endsWith("tunicorn"), others], [true, []]);
    assert.ok(command?.includes("--admin-bind"));
  });

  test("one writes its access log in JSON", () => {
    const able = SERVERS.filter((server) => commandFor(server, { ...PLAIN, accessLog: true, jsonLog: true }) !== undefined);
    assert.deepEqual(
      able.map(({ name }) => name),
      ["tunicorn"],
    );
  });

  test("two have workers of greenlets", () => {
    const commands = SERVERS.map(({ name }) => [name, commandOf(name, { greenlets: true })] as const);
    assert.deepEqual(
      commands.filter(([, command]) => command !== undefined).map(([name]) => name),
      ["tunicorn", "gunicorn-gevent"],
    );
    for (const [, command] of commands) assert.match(command ?? "--worker-class gevent", /--worker-class gevent\b/);
    assert.equal(commandOf("gunicorn-gevent", { greenlets: false }), undefined);
  });

  test("each serves WSGI, ASGI or both, with the flags for it", () => {
    const kinds = SERVERS.map(({ name }) => [
      name,
      commandOf(name, { app: "flask" }) !== undefined,
      commandOf(name, { app: "asgi" }) !== undefined,
    ]);
    assert.deepEqual(
      kinds.filter(([, wsgi, asgi]) => wsgi && asgi).map(([name]) => name),
      ["tunicorn", "granian"],
    );
    assert.deepEqual(
      kinds.filter(([, wsgi]) => !wsgi).map(([name]) => name),
      ["gunicorn-asgi", "uvicorn", "uvicorn-wsproto"],
    );
    assert.equal(commandOf("uvicorn-wsproto", { app: "asgi" }), undefined, "it is there for WebSockets");
    assert.match(commandOf("uvicorn-wsproto") ?? "", /--ws wsproto /);
    assert.match(commandOf("tunicorn", { app: "asgi" }) ?? "", /--worker-class asgi /);
    assert.match(commandOf("granian", { app: "asgi" }) ?? "", /--interface asgi /);
  });

  const ONE_AT_ONCE = [
    { name: "gunicorn-gthread", has: /--threads 1\b/ },
    { name: "granian", has: /--blocking-threads 1\b/ },
    { name: "waitress", has: /--threads=3\b/ },
  ];
  for (const { name, has } of ONE_AT_ONCE) {
    test(`${name} runs one request in each of 3 workers where all must do the same`, () => {
      assert.match(commandOf(name, { threads: "one" }) ?? "", has);
    });
  }

  test("servers that can keep idle connections for minutes are told to, the others are left out", () => {
    const commands = SERVERS.flatMap(({ name }) => commandOf(name, { idle: true }) ?? []);
    assert.ok(commands.length >= 2);
    for (const command of commands) assert.match(command, /-keep-alive 600\b/);
  });

  const POOLS = [
    { name: "tunicorn", has: /--worker-class gthread --threads 16\b/ },
    { name: "gunicorn-gthread", has: /--threads 16\b/ },
    { name: "granian", has: /--blocking-threads 16\b/ },
  ];
  for (const { name } of SERVERS) {
    const has = POOLS.find((pool) => pool.name === name)?.has;
    test(`${name} ${has === undefined ? "has no" : "has a"} pool of threads of a given size`, () => {
      const command = commandOf(name, { threads: 16 });
      if (has === undefined) assert.equal(command, undefined);
      else assert.match(command ?? "", has);
    });
  }

  test("uwsgi-http11 has a thread for each connection, and so no place where concurrency must be equal", () => {
    assert.match(commandOf("uwsgi-http11", { workers: 2, connections: 256 }) ?? "", /--threads 129\b/);
    assert.equal(commandOf("uwsgi-http11", { threads: "one" }), undefined);
  });
});
