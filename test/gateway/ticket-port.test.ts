import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, ftruncateSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { TicketPort } from "../../src/gateway/ticket-port.ts";
import { SLOT_BYTES, SLOT_COUNT, TICKET_BYTES } from "../../src/wire/frame-types.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

interface TicketVector {
  readonly name: string;
  readonly slot: number;
  readonly headBytes: number;
  readonly id: number;
  readonly bodyBytes: number;
  readonly ticket: string;
}

const THROUGH_CHANNEL = 0xffffffff;
const vectors = JSON.parse(readFileSync(new URL("../wire/vectors.json", import.meta.url), "utf8")) as { tickets: TicketVector[] };

/** A pipe and slot memory as the nursery makes them: a pipe that does not block, a file of the memory's size. */
function real(t: TestContext): { port: TicketPort; memory: number; read: () => Buffer } {
  const directory = temporaryDirectory(t);
  const path = join(directory, "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const memory = openSync(join(directory, "slots"), "w+");
  ftruncateSync(memory, SLOT_BYTES * SLOT_COUNT);
  t.after(() => [reader, writer, memory].forEach(closeSync));
  const buffer = Buffer.alloc(65536);
  const read = () => {
    try {
      return Buffer.from(buffer.subarray(0, readSync(reader, buffer)));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
      return Buffer.alloc(0);
    }
  };
  return { port: new TicketPort(writer, memory, () => {}), memory, read };
}

for (const { name, slot, headBytes, id, bodyBytes, ticket } of vectors.tickets) {
  test(`a ticket is written as the contract says: ${name}`, (t) => {
    const { port, read } = real(t);
    const size = (bytes: number) => (bytes === THROUGH_CHANNEL ? undefined : bytes);
    if (id === 0) port.sendVoidTicket();
    else {
      port.stageTicket(slot, id, size(headBytes), size(bodyBytes));
      port.sendTickets(1);
    }
    assert.equal(read().toString("hex"), ticket);
  });
}

test("a slot holds id, cleared claim, head and body; voided, its id is 0; a claim is read back", (t) => {
  const { port, memory } = real(t);
  port.writeSlot(SLOT_COUNT - 1, 0x01020304, "h\xe9ad", Buffer.from("body"));
  const slot = Buffer.alloc(24);
  const at = SLOT_BYTES * (SLOT_COUNT - 1);
  readSync(memory, slot, 0, 24, at);
  assert.equal(slot.toString("latin1"), "\x04\x03\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0h\xe9adbody");
  port.voidSlot(SLOT_COUNT - 1);
  readSync(memory, slot, 0, 24, at);
  assert.equal(slot.readUInt32LE(0), 0);
  assert.equal(slot.toString("latin1", 16), "h\xe9adbody");
  const claim = { claim: 9, started: 9, beat: 9 };
  port.readClaim(SLOT_COUNT - 1, claim);
  assert.deepEqual(claim, { claim: 0, started: 0, beat: 0 });
});

test("the largest head and body fill a slot, not the next one", (t) => {
  const { port, memory } = real(t);
  port.writeSlot(1, 7, "n", undefined);
  port.writeSlot(0, 8, "h".repeat(port.slotCapacity - 1), Buffer.from("b"));
  const id = Buffer.alloc(4);
  readSync(memory, id, 0, 4, SLOT_BYTES);
  assert.equal(id.readUInt32LE(0), 7);
});

test("a full pipe neither blocks the gateway nor loses a ticket nor mixes their order", async (t) => {
  const { port, read } = real(t);
  const COUNT = 10_000;
  for (let i = 1; i <= COUNT; i++) {
    port.stageTicket(0, i, 1, 0);
    if (i % 7 === 0) port.sendTickets(i % 3);
  }
  port.sendTickets(0);
  let bytes = Buffer.alloc(0);
  await until(() => {
    bytes = Buffer.concat([bytes, read()]);
    return bytes.length >= COUNT * TICKET_BYTES;
  });
  for (let i = 0; i < COUNT; i++) assert.equal(bytes.readUInt32LE(i * TICKET_BYTES + 8), i + 1);
});
