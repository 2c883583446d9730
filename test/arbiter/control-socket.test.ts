import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ControlSocket } from "../../src/arbiter/control-socket.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const WORD = "here";
const greet = (socket: Socket): void => void socket.end(WORD);

async function open(t: TestContext, path: string, mode = 0o600): Promise<ControlSocket> {
  const socket = await ControlSocket.open(path, mode, greet);
  t.after(() => socket.close());
  return socket;
}

/** @returns what whoever listens there says, or the error's code. */
function ask(path: string): Promise<string> {
  return new Promise((fulfil) => {
    let text = "";
    const socket = connect({ path });
    socket.on("data", (chunk) => (text += chunk));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => fulfil(code ?? ""));
    socket.on("close", () => fulfil(text));
  });
}

/** A socket whose server is dead, as a kill leaves it. */
function leaveDead(path: string): void {
  const source = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()";
  assert.equal(spawnSync("python3", ["-c", source, path]).status, 0);
}

test("it is where it is wanted, with its mode whatever the umask, and nothing else is there", async (t) => {
  const folder = folderOf(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const socket = await open(t, join(folder, "deep/er/app.ctl"), 0o660);
  assert.equal(process.umask(), 0o077);
  assert.deepEqual([socket.path, lstatSync(socket.path).mode & 0o777], [join(folder, "deep/er/app.ctl"), 0o660]);
  assert.equal(lstatSync(join(folder, "deep")).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(folder, "deep/er")), ["app.ctl"]);
  assert.equal(await ask(socket.path), WORD);
  socket.close();
  assert.deepEqual(readdirSync(join(folder, "deep/er")), []);
});

test("a living server keeps its name; the other gets one with its pid, and the name when that is free", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "app.ctl");
  const first = await open(t, path);
  const second = await open(t, path);
  const own = join(folder, `app.${process.pid}.ctl`);
  assert.deepEqual([first.path, second.path, second.wanted], [path, own, path]);
  assert.equal(await second.takeWantedName(), false);
  first.close();
  assert.equal(await second.takeWantedName(), true);
  assert.deepEqual([second.path, readdirSync(folder), await ask(path)], [path, ["app.ctl"], WORD]);
  assert.equal(await second.takeWantedName(), false, "it has it");
  second.close();
  assert.deepEqual(readdirSync(folder), []);
});

test("both names are taken by servers that live: there is no third", async (t) => {
  const path = join(folderOf(t), "app.ctl");
  await open(t, path);
  await open(t, path);
  await assert.rejects(open(t, path), /belong to other servers$/);
});

test("a dead server's name is taken, and what others have left beside it goes", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "app.ctl");
  const [left, other, living] = [join(folder, "app.77.ctl"), join(folder, "app.x.ctl"), join(folder, "app.78.ctl")];
  for (const each of [path, left, other]) leaveDead(each);
  writeFileSync(join(folder, "app.79.ctl"), "no socket");
  await open(t, living);
  const socket = await open(t, path);
  assert.equal(socket.path, path);
  assert.equal(await ask(path), WORD);
  assert.deepEqual([left, other, living].map(existsSync), [false, true, true]);
  assert.deepEqual(readdirSync(folder).sort(), ["app.78.ctl", "app.79.ctl", "app.ctl", "app.x.ctl"]);
});

test("two that start together on a dead server's name: one gets it, the other its own", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "app.ctl");
  leaveDead(path);
  const first = await open(t, path);
  const inode = lstatSync(path).ino;
  await open(t, path);
  assert.equal(lstatSync(path).ino, inode);
  assert.equal(await ask(first.path), WORD);
});

test("what is no socket is left alone", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "file.ctl"), "mine");
  mkdirSync(join(folder, "folder.ctl"));
  await assert.rejects(open(t, join(folder, "file.ctl")), /file\.ctl is there and is no socket$/);
  await assert.rejects(open(t, join(folder, "folder.ctl")), /is no socket$/);
  assert.deepEqual(readdirSync(folder).sort(), ["file.ctl", "folder.ctl"]);
});

test("one that somebody has removed or replaced is lost, and another's is not removed at its end", async (t) => {
  const path = join(folderOf(t), "app.ctl");
  const first = await open(t, path);
  assert.equal(first.isLost, false);
  rmSync(path);
  assert.equal(first.isLost, true);
  const second = await open(t, path);
  first.close();
  assert.equal(await ask(path), WORD);
  assert.equal(second.isLost, false);
});

test("a path that is too long, or in no directory, is an error and leaves nothing", async (t) => {
  const folder = folderOf(t);
  await assert.rejects(open(t, join(folder, "x".repeat(300))));
  writeFileSync(join(folder, "file"), "");
  await assert.rejects(open(t, join(folder, "file/app.ctl")), /EEXIST|ENOTDIR/);
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("a directory for sockets only goes with the last of them", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "own/app.ctl");
  const sockets = [await ControlSocket.open(path, 0o600, greet, false), await ControlSocket.open(path, 0o600, greet, false)];
  sockets[0]?.close();
  assert.ok(existsSync(join(folder, "own")));
  sockets[1]?.close();
  assert.deepEqual(readdirSync(folder), []);
});

test("the abstract namespace", async (t) => {
  const name = `@tunicorn-test.${process.pid}`;
  const socket = await ControlSocket.openAbstract(name, greet);
  t.after(() => socket.close());
  assert.deepEqual([socket.path, socket.isLost, await ask(`\0${name.slice(1)}`)], [name, false, WORD]);
  assert.equal(await socket.takeWantedName(), false);
  await assert.rejects(ControlSocket.openAbstract(name, greet), { code: "EADDRINUSE" });
});
