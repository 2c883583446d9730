import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OWN_PID, readOrigin, successorEnvironment } from "../../src/lifecycle/inheritance.ts";

const PID = 42;
const ACTIVATION = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

const ORIGINS = [
  {
    name: "an ordinary start",
    env: { HOME: "/" },
    sockets: undefined,
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", "GUNICORN_PID"],
  },
  {
    name: "socket activation",
    env: { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "http:admin" },
    sockets: { descriptors: [3, 4], names: ["http", "admin"], from: "service-manager" },
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", ...ACTIVATION, "GUNICORN_PID"],
  },
  {
    name: "names that do not fit the sockets",
    env: { LISTEN_PID: "42", LISTEN_FDS: "1", LISTEN_FDNAMES: "http:admin" },
    sockets: { descriptors: [3], names: [], from: "service-manager" },
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", ...ACTIVATION, "GUNICORN_PID"],
  },
  {
    name: "no sockets at all",
    env: { LISTEN_PID: "42", LISTEN_FDS: "0" },
    sockets: undefined,
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", ...ACTIVATION, "GUNICORN_PID"],
  },
  {
    name: "sockets for another process",
    env: { LISTEN_PID: "43", LISTEN_FDS: "rubbish" },
    sockets: undefined,
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", "GUNICORN_PID"],
  },
  {
    name: "an upgrade",
    env: { GUNICORN_PID: "7", GUNICORN_FD: "3,11" },
    sockets: { descriptors: [3, 11], names: [], from: "predecessor" },
    predecessor: 7,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN"],
  },
  {
    name: "an upgrade of a master without sockets",
    env: { GUNICORN_PID: "7", GUNICORN_FD: "" },
    sockets: undefined,
    predecessor: 7,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN"],
  },
  {
    name: "an upgrade under a service manager",
    env: { GUNICORN_PID: "7", LISTEN_PID: "42", LISTEN_FDS: "1" },
    sockets: { descriptors: [3], names: [], from: "service-manager" },
    predecessor: 7,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", ...ACTIVATION],
  },
  {
    name: "a server that an application of an unpromoted master starts",
    env: { GUNICORN_PID: "7" },
    sockets: undefined,
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", "GUNICORN_PID"],
  },
  {
    name: "sockets of nobody",
    env: { GUNICORN_PID: "x", GUNICORN_FD: "3" },
    sockets: undefined,
    predecessor: undefined,
    spent: ["GUNICORN_FD", "TUNICORN_ADMIN", "GUNICORN_PID"],
  },
];
for (const { name, env, ...origin } of ORIGINS) {
  test(`readOrigin: ${name}`, () => {
    const { admin, ...others } = readOrigin(env, PID);
    assert.deepEqual(others, origin);
    assert.deepEqual(admin, origin.predecessor === undefined ? undefined : []);
  });
}

const ERRORS = [
  { env: { LISTEN_PID: "42", LISTEN_FDS: "three" }, message: "LISTEN_FDS is 'three', not a number of sockets up to 1024" },
  { env: { LISTEN_PID: "42", LISTEN_FDS: "-1" }, message: "LISTEN_FDS is '-1', not a number of sockets up to 1024" },
  { env: { LISTEN_PID: "42", LISTEN_FDS: "1025" }, message: "LISTEN_FDS is '1025', not a number of sockets up to 1024" },
  { env: { GUNICORN_PID: "7", GUNICORN_FD: "3,,4" }, message: "GUNICORN_FD is '3,,4', not a list of file descriptors" },
  { env: { GUNICORN_PID: "7", GUNICORN_FD: "0x3" }, message: "GUNICORN_FD is '0x3', not a list of file descriptors" },
];
for (const { env, message } of ERRORS) {
  test(`readOrigin: ${message}`, () => assert.throws(() => readOrigin(env, PID), { message }));
}

const UPGRADE = { GUNICORN_PID: "7", GUNICORN_FD: "3" };

for (const TUNICORN_ADMIN of ["rubbish", "{}", "null", "[[]]", "[5]", '[["a", "5"], [5, "a"], ["a", 1.5]]', ""]) {
  test(`readOrigin: an admin port that cannot be understood is none: ${TUNICORN_ADMIN}`, () => {
    assert.deepEqual(readOrigin({ ...UPGRADE, TUNICORN_ADMIN }, PID).admin, []);
  });
}

test("an admin port is inherited from another master only", () => {
  const TUNICORN_ADMIN = '[["unix:/a", 5]]';
  assert.equal(readOrigin({ TUNICORN_ADMIN }, PID).admin, undefined);
  assert.deepEqual(readOrigin({ ...UPGRADE, TUNICORN_ADMIN }, PID).admin, [{ address: "unix:/a", fd: 5 }]);
});

test("the admin port's sockets come behind the others, and only those of the master itself", () => {
  const told = successorEnvironment({ TUNICORN_ADMIN: "of the one before" }, PID, 2, ["127.0.0.1:9100", "unix:/a"], undefined);
  const expected = [
    { address: "127.0.0.1:9100", fd: 5 },
    { address: "unix:/a", fd: 6 },
  ];
  assert.deepEqual(readOrigin(told, 77).admin, expected);
  assert.equal(successorEnvironment({ TUNICORN_ADMIN: "of the one before" }, PID, 2, [], undefined).TUNICORN_ADMIN, undefined);
});

const texts = fc.string({ maxLength: 12 });
const environment = fc.record(
  {
    HOME: texts,
    GUNICORN_PID: fc.oneof(texts, fc.constant("7")),
    GUNICORN_FD: fc.oneof(texts, fc.constant("9,8")),
    LISTEN_PID: fc.oneof(texts, fc.constant("42")),
    LISTEN_FDS: fc.oneof(texts, fc.constant("3")),
    LISTEN_FDNAMES: fc.oneof(texts, fc.constant("a:b:c")),
    WATCHDOG_PID: fc.constant("42"),
  },
  { requiredKeys: [] },
);

test("what one master tells, the next understands, whatever it was started with itself: as many sockets, in order, from whom they were", () => {
  fc.assert(
    fc.property(environment, fc.integer({ min: 1, max: 20 }), (env, count) => {
      let own: ReturnType<typeof readOrigin>["sockets"];
      try {
        own = readOrigin(env, PID).sockets;
      } catch {
        return; // it would not have started
      }
      const told = successorEnvironment(env, PID, count, [], own);
      const there = Object.fromEntries(Object.entries(told).map(([key, value]) => [key, value === OWN_PID ? "77" : value]));
      const origin = readOrigin(there, 77);
      assert.equal(origin.predecessor, PID);
      assert.deepEqual(
        origin.sockets?.descriptors,
        Array.from({ length: count }, (_, index) => 3 + index),
      );
      assert.equal(origin.sockets?.from, own?.from ?? "predecessor");
      if (own?.names.length === count) assert.deepEqual(origin.sockets?.names, own.names);
      assert.equal(there.HOME, env.HOME);
      if (env.WATCHDOG_PID !== undefined) assert.equal(there.WATCHDOG_PID, "77");
    }),
  );
});
