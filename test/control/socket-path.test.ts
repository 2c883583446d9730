import assert from "node:assert/strict";
import { test } from "node:test";
import { abstractName, abstractNames, fallbackPlaces, isNameOf, nameWithPid, placesToLook } from "../../src/control/socket-path.ts";

test("the name with a pid: before the extension, and known as such", () => {
  for (const [path, wanted] of [
    ["/run/app/tunicorn.ctl", "/run/app/tunicorn.7.ctl"],
    ["/run/a.pp/socket", "/run/a.pp/socket.7"],
    ["/run/.hidden", "/run/.hidden.7"],
    ["x.y.ctl", "x.y.7.ctl"],
  ] as const) {
    assert.equal(nameWithPid(path, 7), wanted);
    const [name, file] = [path.split("/").at(-1)!, wanted.split("/").at(-1)!];
    assert.ok(isNameOf(name, name) && isNameOf(name, file));
  }
  for (const file of ["tunicorn.x.ctl", "tunicorn..ctl", "tunicorn.7.ctl.bak", "other.7.ctl", "tunicorn.ct", "tunicorn.7ctl"])
    assert.ok(!isNameOf("tunicorn.ctl", file), file);
});

test("abstract names of a user are found in /proc/net/unix, padded or not", () => {
  const lines = [
    "Num       RefCount Protocol Flags    Type St Inode Path",
    `0000000021ad26d6: 00000003 00000000 00000000 0001 03 17885761 ${abstractName(1000, 42)}${"@".repeat(80)}`,
    `0000000021ad26d7: 00000002 00000000 00010000 0001 01 17885762 ${abstractName(1000, 42)}`,
    `0000000021ad26d8: 00000002 00000000 00010000 0001 01 17885763 ${abstractName(1001, 43)}`,
    "0000000021ad26d9: 00000002 00000000 00010000 0001 01 17885764 /run/@tunicorn.1000.44",
    "0000000021ad26da: 00000002 00000000 00010000 0001 01 17885765 @tunicorn.1000.45/x",
  ];
  assert.deepEqual(abstractNames(`${lines.join("\n")}\n`, 1000), ["@tunicorn.1000.42"]);
  assert.deepEqual(abstractNames("", 1000), []);
});

test("where the master goes instead, and where a client looks: the likeliest first, each once", () => {
  const surroundings = {
    env: { RUNTIME_DIRECTORY: "/run/app:/run/more", XDG_RUNTIME_DIR: "/run/user/5" },
    uid: 5,
    home: "/home/a",
    temporaryDirectory: "/tmp",
  };
  assert.deepEqual(fallbackPlaces(surroundings), [
    { directory: "/run/app", made: false },
    { directory: "/run/user/5", made: false },
    { directory: "/tmp/tunicorn-5", made: true },
    { directory: "/dev/shm/tunicorn-5", made: true },
  ]);
  assert.deepEqual(placesToLook(surroundings), ["/run/user/5", "/home/a/.gunicorn", "/run/app", "/tmp/tunicorn-5", "/dev/shm/tunicorn-5"]);
  const bare = { env: { HOME: "/h", XDG_RUNTIME_DIR: "" }, uid: 5, home: "/home/a", temporaryDirectory: "/tmp" };
  assert.deepEqual(placesToLook(bare), ["/h/.gunicorn", "/run/user/5", "/tmp/tunicorn-5", "/dev/shm/tunicorn-5"]);
});
