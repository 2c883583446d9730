import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { SharedMessage } from "../../src/gateway/shared-message.ts";
import { agreeOnCompression } from "../../src/gateway/websocket-compression.ts";
import { type SessionWorker, WebsocketSession } from "../../src/gateway/websocket-session.ts";
import type { Tunnel } from "../../src/request/exchange.ts";
import { MESSAGE_COST_BYTES, STREAM_WINDOW_BYTES } from "../../src/wire/frame-types.ts";
import { BINARY, CLOSE, closePayload, frame, PING, TEXT } from "../server/websocket-client.ts";
import { until } from "./spool-directory.ts";

const EMPTY = Buffer.alloc(0);
/** RFC 7692 §7.2.1: what every deflated message would end with is left out. */
const DEFLATED_TAIL_BYTES = 4;

/** A session between a client and a worker that are lists. */
class Stage implements Tunnel, SessionWorker {
  readonly worker: string[] = [];
  /** What the client gets: frames as hex, without lengths over 125. */
  readonly sent: Buffer[] = [];
  readonly tunnel: string[] = [];
  credited = 0;
  over = 0;
  takes = true;
  readonly session: WebsocketSession;

  constructor({ extensions, max = 1e6 }: { extensions?: string; max?: number } = {}) {
    this.session = new WebsocketSession(this, max, agreeOnCompression(extensions, max), () => this.over++);
    this.session.begin(this);
  }

  message(payload: Buffer, binary: boolean): void {
    this.worker.push(`${binary ? "binary" : "text"} ${payload}`);
  }
  closed(code: number, reason: Buffer): void {
    this.worker.push(`closed ${code} ${reason}`.trimEnd());
  }
  credit(bytes: number): void {
    this.credited += bytes;
  }
  write(bytes: Buffer | string): boolean {
    this.sent.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this.takes;
  }
  pause(): void {
    this.tunnel.push("pause");
  }
  resume(): void {
    this.tunnel.push("resume");
  }
  end(): void {
    this.tunnel.push("end");
  }
  cut(): void {
    this.tunnel.push("cut");
  }

  /** The client's frames in one packet, each packet in a turn of its own. */
  async client(...frames: Buffer[]): Promise<void> {
    this.session.onBytes(Buffer.concat(frames));
    await new Promise((resolve) => setImmediate(resolve));
  }
  send(text: string, last = true): void {
    this.session.send(Buffer.from(text), false, last);
  }
  get bytes(): string {
    return Buffer.concat(this.sent).toString("latin1");
  }
}

test("messages both ways", async () => {
  const stage = new Stage();
  await stage.client(frame(TEXT, "hi"), frame(BINARY, "\xff"), frame(TEXT, ""));
  assert.deepEqual(stage.worker, ["text hi", "binary \xff", "text "]);
  stage.send("hello");
  stage.session.send(Buffer.from([255]), true, true);
  stage.send("x".repeat(200));
  assert.equal(stage.bytes, `\x81\x05hello\x82\x01\xff\x81\x7e\0\xc8${"x".repeat(200)}`);
});

test("a message in pieces leaves in fragments, and nothing of another comes between", async () => {
  const stage = new Stage();
  stage.send("one ", false);
  stage.send("two ", false);
  stage.send("three");
  stage.send("next");
  assert.equal(stage.bytes, "\x01\x04one \0\x04two \x80\x05three\x81\x04next");
});

test("the client is read as long as the worker takes, and on when it takes more", async () => {
  const stage = new Stage();
  const size = STREAM_WINDOW_BYTES / 4;
  const message = frame(BINARY, Buffer.alloc(size, 65));
  for (let n = 0; n < 8; n++) await stage.client(message);
  await until(() => stage.tunnel.includes("pause"));
  const taken = stage.worker.length;
  assert.ok(taken >= 4 && taken <= 5, `${taken} messages`);
  stage.session.grant(4 * (size + MESSAGE_COST_BYTES));
  await until(() => stage.worker.length === 8);
  assert.deepEqual(stage.tunnel, ["resume", "pause", "resume"]);
});

test("messages of no bytes use the window up too", async () => {
  const stage = new Stage();
  const empties = Array.from({ length: 3000 }, () => frame(TEXT));
  await stage.client(...empties);
  await stage.client(...empties);
  await until(() => stage.tunnel.includes("pause"));
  assert.ok(stage.worker.length <= 3000, `${stage.worker.length} messages`);
  stage.session.grant(1e9);
  await until(() => stage.worker.length === 6000);
});

test("credit comes back as the client takes", async () => {
  const stage = new Stage();
  const size = STREAM_WINDOW_BYTES / 4;
  stage.send("x".repeat(size));
  assert.equal(stage.credited, size + MESSAGE_COST_BYTES);
  stage.takes = false;
  stage.send("x".repeat(size));
  assert.equal(stage.credited, size + MESSAGE_COST_BYTES, "the client has not taken it");
  stage.takes = true;
  stage.session.onDrain();
  assert.equal(stage.credited, 2 * (size + MESSAGE_COST_BYTES));
});

test("a client that pings and takes nothing is not read on", async () => {
  const stage = new Stage();
  stage.takes = false;
  // Each in a packet: what is in the receiver's hands already is answered.
  for (let n = 0; n < 3; n++) {
    await stage.client(frame(PING, String(n)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(stage.bytes, "\x8a\x010");
  stage.takes = true;
  stage.session.onDrain();
  await until(() => stage.bytes === "\x8a\x010\x8a\x011\x8a\x012");
});

test("the client closes", async () => {
  const stage = new Stage();
  await stage.client(frame(CLOSE, closePayload(4000, "bye")));
  assert.deepEqual([stage.worker, stage.bytes], [["closed 4000 bye"], "\x88\x05\x0f\xa0bye"]);
  assert.deepEqual([stage.tunnel, stage.over], [["resume", "end"], 1]);
  stage.session.close(1000, EMPTY, "application");
  stage.send("late");
  stage.session.onEnd();
  assert.deepEqual([stage.worker.length, stage.sent.length, stage.over], [1, 1, 1]);
});

test("the application closes: the client's answer ends it, what else comes is dropped", async () => {
  const stage = new Stage();
  stage.session.close(4001, Buffer.from("x"), "application");
  stage.send("late");
  await stage.client(frame(TEXT, "late"), frame(PING, "late"));
  assert.deepEqual([stage.tunnel, stage.over], [["resume"], 0]);
  await stage.client(frame(CLOSE, closePayload(4001)));
  assert.deepEqual([stage.worker, stage.bytes], [[], "\x88\x03\x0f\xa1x"]);
  assert.deepEqual([stage.tunnel, stage.over], [["resume", "end"], 1]);
});

test("the server closes: the worker is told, once", async () => {
  const stage = new Stage();
  stage.session.close(1012, Buffer.from("again"), "server");
  stage.session.close(1001, Buffer.from("other"), "server");
  stage.session.onEnd();
  assert.deepEqual([stage.worker, stage.over], [["closed 1012 again"], 1]);
});

test("a close is read although the worker takes nothing", async () => {
  const stage = new Stage();
  for (let n = 0; n < 8; n++) await stage.client(frame(BINARY, Buffer.alloc(30_000)));
  await until(() => stage.tunnel.includes("pause"));
  stage.session.close(1001, EMPTY, "server");
  await stage.client(frame(CLOSE, closePayload(1001)));
  await until(() => stage.over === 1);
  assert.equal(stage.tunnel.at(-1), "end");
});

test("a client that breaks a rule", async () => {
  const stage = new Stage({ max: 10 });
  await stage.client(frame(TEXT, "ok"), frame(TEXT, "x".repeat(11)), frame(TEXT, "late"));
  await until(() => stage.over === 1);
  assert.deepEqual(stage.worker, ["text ok", "closed 1006"]);
  assert.equal(stage.bytes, "\x88\x11\x03\xf1Message too big");
  await stage.client(frame(TEXT, "later"));
  assert.equal(stage.worker.length, 2);
});

test("a client that is gone", async () => {
  const stage = new Stage();
  stage.session.onEnd();
  assert.deepEqual([stage.worker, stage.sent.length, stage.over], [["closed 1006"], 0, 1]);
});

test("messages for many are like those for one, and between the pieces of another they wait for ws", async () => {
  for (const extensions of [undefined, "permessage-deflate"]) {
    const stage = new Stage(extensions === undefined ? {} : { extensions });
    const [short, long] = [new SharedMessage(Buffer.from("to all"), false), new SharedMessage(Buffer.alloc(2000, "x"), true)];
    stage.session.sendShared(short);
    assert.equal(stage.bytes, "\x81\x06to all");
    stage.session.sendShared(long);
    stage.session.sendShared(short);
    await until(() => stage.bytes.endsWith("\x81\x06to all") && stage.sent.length === 3);
    assert.equal(stage.sent[1]![0], extensions === undefined ? 0x82 : 0xc2, "long ones are compressed");
    stage.session.close(1000, EMPTY, "application");
    stage.session.sendShared(short);
    await until(() => stage.sent.length === 4);
    assert.ok(stage.bytes.endsWith("\x88\x02\x03\xe8"), "nothing behind the close");
    stage.session.onEnd();
  }
});

test("messages for many come out of the window", () => {
  const stage = new Stage();
  const size = 1000;
  const message = new SharedMessage(Buffer.alloc(size), true);
  const step = Math.ceil(STREAM_WINDOW_BYTES / 4 / (size + MESSAGE_COST_BYTES));
  stage.takes = false;
  for (let n = 0; n < step; n++) stage.session.sendShared(message);
  assert.equal(stage.credited, 0, "the client has not taken them");
  stage.session.onDrain();
  assert.equal(stage.credited, step * (size + MESSAGE_COST_BYTES));
});

test("a small message behind one that is inflated comes after it", async () => {
  const stage = new Stage({ extensions: "permessage-deflate" });
  const deflated = deflateRawSync(Buffer.from("first"), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -DEFLATED_TAIL_BYTES);
  stage.session.onBytes(frame(TEXT, deflated, { reserved: 0x40 }));
  stage.session.onBytes(frame(TEXT, "second"));
  await until(() => stage.worker.length === 2);
  await stage.client(frame(TEXT, "third"));
  assert.deepEqual(stage.worker, ["text first", "text second", "text third"]);
  stage.session.onEnd();
});

test("with compression a close waits for the messages before it", async () => {
  const stage = new Stage({ extensions: "permessage-deflate" });
  stage.send("long ".repeat(1000));
  stage.send("short");
  stage.session.close(1000, EMPTY, "application");
  await stage.client(frame(CLOSE, closePayload(1000)));
  await until(() => stage.over === 1);
  assert.equal(stage.sent[0]![0], 0xc1);
  assert.ok(stage.bytes.endsWith("\x81\x05short\x88\x02\x03\xe8"));
  assert.equal(stage.tunnel.at(-1), "end");
});

test("a session that ends while zlib works leaves nothing behind that could fail", async () => {
  for (let n = 0; n < 20; n++) {
    const stage = new Stage({ extensions: "permessage-deflate" });
    stage.send("long ".repeat(5000));
    await stage.client(frame(TEXT, Buffer.from("4a4a04", "hex"), { reserved: 0x40 }));
    stage.session.onEnd();
    assert.equal(stage.over, 1);
  }
  // Others still get theirs: ws lets zlib work for ten at a time.
  const stage = new Stage({ extensions: "permessage-deflate" });
  stage.send("long ".repeat(1000));
  await until(() => stage.sent.length > 0);
  stage.session.onEnd();
});
