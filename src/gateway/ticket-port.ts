/** The dispatcher's memory and pipe for real: a memfd and a pipe that the nursery made (docs/internals/channels.md §5). */

import { readSync, writeSync } from "node:fs";
import type { PullPort, SlotClaim } from "../dispatch/pull-dispatcher.ts";
import { SLOT_BYTES, SLOT_COUNT, SLOT_HEADER_BYTES, THROUGH_CHANNEL, TICKET_BYTES } from "../wire/frame-types.ts";

const CLAIM_OFFSET = 4;
const CLAIM_BYTES = 12;
/** A full pipe is tried again this much later. */
const RETRY_MS = 10;

export class TicketPort implements PullPort {
  readonly slotCount = SLOT_COUNT;
  readonly slotCapacity = SLOT_BYTES - SLOT_HEADER_BYTES;
  readonly #ticketFd: number;
  readonly #slotsFd: number;
  readonly #onFlush: () => void;
  readonly #slot = Buffer.alloc(SLOT_BYTES);
  readonly #tickets = Buffer.alloc(TICKET_BYTES * SLOT_COUNT);
  readonly #claim = Buffer.alloc(CLAIM_BYTES);
  readonly #zero = Buffer.alloc(TICKET_BYTES);
  #staged = 0;
  /** Tickets that found the pipe full. */
  #late: Buffer[] = [];

  /**
   * @param ticketFd  Write end of the ticket pipe.
   * @param slotsFd   Slot memory, SLOT_COUNT * SLOT_BYTES long.
   * @param onFlush   Called once per turn of the event loop in which work came.
   */
  constructor(ticketFd: number, slotsFd: number, onFlush: () => void) {
    this.#ticketFd = ticketFd;
    this.#slotsFd = slotsFd;
    this.#onFlush = onFlush;
  }

  writeSlot(slot: number, id: number, head: string, body: Buffer | undefined): void {
    const memory = this.#slot;
    memory.writeUInt32LE(id, 0);
    memory.fill(0, CLAIM_OFFSET, SLOT_HEADER_BYTES);
    memory.latin1Write(head, SLOT_HEADER_BYTES);
    let end = SLOT_HEADER_BYTES + head.length;
    if (body !== undefined) end += body.copy(memory, end);
    writeSync(this.#slotsFd, memory, 0, end, slot * SLOT_BYTES);
  }

  voidSlot(slot: number): void {
    writeSync(this.#slotsFd, this.#zero, 0, 4, slot * SLOT_BYTES);
  }

  readClaim(slot: number, into: SlotClaim): void {
    readSync(this.#slotsFd, this.#claim, 0, CLAIM_BYTES, slot * SLOT_BYTES + CLAIM_OFFSET);
    into.claim = this.#claim.readUInt32LE(0);
    into.started = this.#claim.readUInt32LE(4);
    into.beat = this.#claim.readUInt32LE(8);
  }

  stageTicket(slot: number, id: number, headBytes: number | undefined, bodyBytes: number | undefined): void {
    const at = this.#staged++ * TICKET_BYTES;
    this.#tickets.writeUInt32LE(slot, at);
    this.#tickets.writeUInt32LE(headBytes ?? THROUGH_CHANNEL, at + 4);
    this.#tickets.writeUInt32LE(id, at + 8);
    this.#tickets.writeUInt32LE(bodyBytes ?? THROUGH_CHANNEL, at + 12);
  }

  sendTickets(singly: number): void {
    const alone = Math.min(singly, this.#staged);
    for (let i = 0; i < alone; i++) this.#write(this.#tickets.subarray(i * TICKET_BYTES, (i + 1) * TICKET_BYTES));
    if (alone < this.#staged) this.#write(this.#tickets.subarray(alone * TICKET_BYTES, this.#staged * TICKET_BYTES));
    this.#staged = 0;
  }

  sendVoidTicket(): void {
    this.#write(this.#zero);
  }

  /**
   * The pipe holds 4096 tickets, as many as there are slots; but when workers die as fast as they come, before they have
   * read any, void ones pile up in it. The pipe must not block the gateway, nor lose a ticket.
   */
  #write(tickets: Buffer): void {
    if (this.#late.length > 0) {
      this.#late.push(Buffer.from(tickets));
      return;
    }
    let written = 0;
    try {
      while (written < tickets.length) written += writeSync(this.#ticketFd, tickets, written, tickets.length - written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // EPIPE: nobody reads at this moment, because the server is being killed; should somebody come again, they are for them.
      if (code !== "EAGAIN" && code !== "EPIPE") throw error;
      this.#late.push(Buffer.from(tickets.subarray(written)));
      this.#retryLater();
    }
  }

  #retryLater(): void {
    setTimeout(() => {
      const late = this.#late;
      this.#late = [];
      for (const tickets of late) this.#write(tickets);
    }, RETRY_MS);
  }

  scheduleFlush(): void {
    setImmediate(this.#onFlush);
  }

  callAfter(delayMs: number, callback: () => void): void {
    setTimeout(callback, delayMs);
  }
}
