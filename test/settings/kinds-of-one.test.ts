import assert from "node:assert/strict";
import { test } from "node:test";
import type { PyValue } from "../../src/base/python-repr.ts";
import {
  callable,
  directory,
  group,
  headerMap,
  http2Cleartext,
  httpProtocols,
  proxyProtocol,
  reloadEngine,
  sslVersion,
  statsdAddress,
  user,
} from "../../src/settings/kinds-of-one.ts";
import { machine } from "./machine.ts";

const context = { surroundings: machine(), warn: assert.fail };
const text = (v: string): PyValue => ({ t: "str", v });

test("users and groups are found by name", () => {
  assert.equal(user.check(text("www"), context), 33);
  assert.equal(group.check(text("www"), context), 34);
  assert.throws(() => user.check(text("nobody-here"), context), { message: "No such user: 'nobody-here'" });
});

test("a hook may be named by an import string", () => {
  const hook = callable(1).check(text("pkg.hooks.ready"), context);
  assert.deepEqual([hook.name, hook.text, hook.callable], ["ready", "pkg.hooks.ready", true]);
});

test("a hook whose arity the nursery does not know passes", () => {
  const given: PyValue = { t: "object", type: "function", text: "<function f>", name: "f", callable: true };
  assert.equal(callable(2).check(given, context), given);
});

test("ssl_version warns of anything but its default", () => {
  const warnings: string[] = [];
  for (const given of [{ t: "int", v: "2" } as const, text("2")])
    sslVersion.check(given, { ...context, warn: (line) => warnings.push(line) });
  assert.deepEqual(warnings, ["Warning: option `ssl_version` is deprecated and it is ignored. Use ssl_context instead."]);
});

test("a directory is seen from the launch directory under its name in PWD", () => {
  const isSameFile = (path: string, other: string) => path === "/srv/current" && other === "/srv/v1";
  const linked = machine({ cwd: "/srv/v1", env: { PWD: "/srv/current" }, isSameFile }, { "/srv/current/app/x": "" });
  assert.equal(directory.check(text("app"), { ...context, surroundings: linked }), "/srv/current/app");
});

test("statsD's address is read once and for all", () => {
  assert.deepEqual(statsdAddress.check(text("Host"), context), { kind: "udp", host: "host", port: 8125 });
  assert.deepEqual(statsdAddress.check(text("[::1]:9"), context), { kind: "udp", host: "::1", port: 9 });
  assert.deepEqual(statsdAddress.check(text("unix:///p"), context), { kind: "unix", path: "/p" });
});

test("words mean what they mean to Gunicorn", () => {
  assert.equal(proxyProtocol.check({ t: "bool", v: true }, context), "auto");
  assert.equal(http2Cleartext.check({ t: "bool", v: true }, context), "prior-knowledge");
  assert.equal(headerMap.check(text("Refuse "), context), "refuse");
  assert.deepEqual(httpProtocols.check(text("H2, h1"), context), ["h2", "h1"]);
  assert.throws(() => reloadEngine.check(text("AUTO"), context), { message: "Invalid reload_engine: 'AUTO'" });
});
