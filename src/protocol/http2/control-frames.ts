/** Frames that carry neither fields nor bodies (RFC 9113 §6.3 to §6.9), and what the client's settings mean for us. */

import type { AbuseLimits } from "./abuse-limits.ts";
import { ConnectionError } from "./connection-error.ts";
import type { PayloadUse } from "./frame-reader.ts";
import {
  type ErrorName,
  FLAG,
  FRAME,
  GOAWAY_BYTES_MIN,
  PING_BYTES,
  PRIORITY_BYTES,
  SETTING,
  WINDOW_DEFAULT,
  WINDOW_MAX,
  WORD_BYTES,
} from "./frame-types.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { refuseSelfDependency } from "./header-block.ts";
import type { Http2Policy } from "./policy.ts";
import type { SendScheduler } from "./send-scheduler.ts";
import { readSettings, SETTINGS_BYTES_MAX } from "./settings-frame.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

/** What tells our PING from any that a client could answer. */
const DRAIN_PING = Buffer.from("tunicorn", "latin1");

/** What we announce to a client. */
export function announcedSettings(policy: Http2Policy): (readonly [setting: number, value: number])[] {
  const settings: [number, number][] = [
    [SETTING.maxConcurrentStreams, policy.maxConcurrentStreams],
    [SETTING.initialWindowSize, policy.initialWindowSize],
    [SETTING.maxFrameSize, policy.maxFrameSize],
  ];
  if (policy.maxHeaderListSize > 0) settings.push([SETTING.maxHeaderListSize, policy.maxHeaderListSize]);
  if (policy.extendedConnect) settings.push([SETTING.enableConnectProtocol, 1]);
  return settings;
}

/** What the control frames ask of their connection. */
export interface ControlOwner {
  readonly nowMs: number;
  breakStream(id: number, code: ErrorName): void;
  streamCancelled(stream: Http2Stream): void;
  settingsRead(): void;
  settleDrain(): void;
  endIfDone(): void;
}

export class ControlFrames {
  settingsAcknowledged = false;
  /** Of each new stream: what we may send on it. */
  initialWindow = WINDOW_DEFAULT;
  /** The client has said that it will ask nothing more. */
  peerLeaves = false;
  #settingsSeen = false;
  readonly #streams: StreamTable;
  readonly #writer: FrameWriter;
  readonly #scheduler: SendScheduler;
  readonly #limits: AbuseLimits;
  readonly #owner: ControlOwner;

  constructor(streams: StreamTable, writer: FrameWriter, scheduler: SendScheduler, limits: AbuseLimits, owner: ControlOwner) {
    this.#streams = streams;
    this.#writer = writer;
    this.#scheduler = scheduler;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** @throws {ConnectionError} When the first frame is not the client's SETTINGS (RFC 9113 §3.4). */
  checkFirst(type: number, flags: number): void {
    if (this.#settingsSeen) return;
    if (type !== FRAME.settings || (flags & FLAG.ack) !== 0) throw new ConnectionError("PROTOCOL_ERROR", "first frame is not SETTINGS");
    this.#settingsSeen = true;
  }

  /** Checks a frame's head (stream and length). */
  begin(type: number, flags: number, id: number, length: number): PayloadUse {
    switch (type) {
      case FRAME.priority:
        requireStream(id !== 0, "PRIORITY", id);
        requireLength(length === PRIORITY_BYTES, "PRIORITY", length);
        break;
      case FRAME.rstStream:
        requireStream(!this.#streams.isIdle(id), "RST_STREAM", id);
        requireLength(length === WORD_BYTES, "RST_STREAM", length);
        break;
      case FRAME.settings:
        requireStream(id === 0, "SETTINGS", id);
        requireLength((flags & FLAG.ack) === 0 || length === 0, "SETTINGS with ACK", length);
        if (length > SETTINGS_BYTES_MAX) throw new ConnectionError("ENHANCE_YOUR_CALM", `SETTINGS of ${length} bytes`);
        break;
      case FRAME.pushPromise:
        throw new ConnectionError("PROTOCOL_ERROR", "PUSH_PROMISE from a client");
      case FRAME.ping:
        requireStream(id === 0, "PING", id);
        requireLength(length === PING_BYTES, "PING", length);
        break;
      case FRAME.goaway:
        requireStream(id === 0, "GOAWAY", id);
        requireLength(length >= GOAWAY_BYTES_MIN, "GOAWAY", length);
        this.peerLeaves = true;
        this.#owner.endIfDone();
        return "none";
      case FRAME.windowUpdate:
        requireStream(id === 0 || !this.#streams.isIdle(id), "WINDOW_UPDATE", id);
        requireLength(length === WORD_BYTES, "WINDOW_UPDATE", length);
        this.#limits.countWindowUpdate(this.#owner.nowMs);
        return "whole";
      default:
        // RFC 9113 §5.5: what is unknown is ignored.
        this.#limits.countIdleFrame(this.#owner.nowMs);
        return "none";
    }
    if (type !== FRAME.rstStream) this.#limits.countIdleFrame(this.#owner.nowMs);
    return "whole";
  }

  payload(bytes: Buffer, at: number, type: number, flags: number, id: number, end: number): void {
    switch (type) {
      case FRAME.priority:
        refuseSelfDependency(bytes, at, id);
        return;
      case FRAME.rstStream:
        this.#rstStream(id);
        return;
      case FRAME.settings:
        this.#settings(bytes, at, end, (flags & FLAG.ack) !== 0);
        return;
      case FRAME.ping:
        this.#ping(bytes, at, (flags & FLAG.ack) !== 0);
        return;
      case FRAME.windowUpdate:
        this.#windowUpdate(id, bytes.readUInt32BE(at) & WINDOW_MAX);
        return;
    }
  }

  /** Asks the client to say when it has read what was written before. */
  pingForDrain(): void {
    this.#writer.ping(0, DRAIN_PING, 0);
  }

  /** What a SETTINGS frame says, or the HTTP2-Settings of an upgrade. */
  applySettings(bytes: Buffer, at: number, end: number): void {
    readSettings(bytes, at, end, (setting, value) => {
      if (setting === SETTING.headerTableSize) this.#writer.setTableSize(value);
      else if (setting === SETTING.initialWindowSize) this.#setInitialWindow(value);
    });
  }

  #rstStream(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#limits.countIdleFrame(this.#owner.nowMs);
    else this.#owner.streamCancelled(stream);
  }

  #settings(bytes: Buffer, at: number, end: number, isAck: boolean): void {
    if (isAck) {
      if (this.settingsAcknowledged) return;
      this.settingsAcknowledged = true;
      this.#owner.settingsRead();
      return;
    }
    this.applySettings(bytes, at, end);
    this.#writer.settingsAck();
    // Behind the ACK: a client may count on what it changed only from there on.
    for (const stream of this.#streams.all()) this.#scheduler.wake(stream);
  }

  /** RFC 9113 §6.9.2: the windows of open streams move by the difference, below zero too. */
  #setInitialWindow(value: number): void {
    const difference = value - this.initialWindow;
    this.initialWindow = value;
    for (const stream of this.#streams.all()) {
      stream.sendWindow += difference;
      if (stream.sendWindow > WINDOW_MAX) throw new ConnectionError("FLOW_CONTROL_ERROR", "SETTINGS make a window too large");
    }
  }

  #ping(bytes: Buffer, at: number, isAck: boolean): void {
    if (!isAck) this.#writer.ping(FLAG.ack, bytes, at);
    else if (bytes.compare(DRAIN_PING, 0, PING_BYTES, at, at + PING_BYTES) === 0) this.#owner.settleDrain();
  }

  #windowUpdate(id: number, increment: number): void {
    if (id === 0) {
      if (increment === 0) throw new ConnectionError("PROTOCOL_ERROR", "WINDOW_UPDATE by nothing");
      this.#scheduler.window += increment;
      if (this.#scheduler.window > WINDOW_MAX) throw new ConnectionError("FLOW_CONTROL_ERROR", "WINDOW_UPDATE makes the window too large");
      this.#scheduler.run();
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.sendWindow += increment;
    if (increment === 0) this.#owner.breakStream(id, "PROTOCOL_ERROR");
    else if (stream.sendWindow > WINDOW_MAX) this.#owner.breakStream(id, "FLOW_CONTROL_ERROR");
    else this.#scheduler.wake(stream);
  }
}

function requireStream(isRight: boolean, frame: string, id: number): void {
  if (!isRight) throw new ConnectionError("PROTOCOL_ERROR", `${frame} on stream ${id}`);
}

function requireLength(isRight: boolean, frame: string, length: number): void {
  if (!isRight) throw new ConnectionError("FRAME_SIZE_ERROR", `${frame} of ${length} bytes`);
}
