/** The client's SETTINGS (RFC 9113 §6.5): `settings = *( identifier(16) value(32) )`. */

import { ConnectionError } from "./connection-error.ts";
import { FRAME_BYTES_CAP, FRAME_BYTES_MIN, SETTING, SETTING_BYTES, WINDOW_MAX } from "./frame-types.ts";

/** Nobody has more than a few, and each costs a look. */
const SETTINGS_PER_FRAME_MAX = 64;
/** What a SETTINGS frame may hold. */
export const SETTINGS_BYTES_MAX = SETTINGS_PER_FRAME_MAX * SETTING_BYTES;

/**
 * Reads one frame's payload.
 *
 * @param take  Gets each setting in order; later values win. Numbers that are unknown are to be ignored.
 * @throws {ConnectionError} For a value that is not allowed, or a payload that is cut.
 */
export function readSettings(bytes: Buffer, start: number, end: number, take: (setting: number, value: number) => void): void {
  if ((end - start) % SETTING_BYTES !== 0) throw new ConnectionError("FRAME_SIZE_ERROR", `SETTINGS of ${end - start} bytes`);
  for (let at = start; at < end; at += SETTING_BYTES) {
    const setting = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    checkSetting(setting, value);
    take(setting, value);
  }
}

function checkSetting(setting: number, value: number): void {
  if (setting === SETTING.enablePush && value > 1) throw new ConnectionError("PROTOCOL_ERROR", `SETTINGS_ENABLE_PUSH is ${value}`);
  if (setting === SETTING.initialWindowSize && value > WINDOW_MAX) {
    throw new ConnectionError("FLOW_CONTROL_ERROR", `SETTINGS_INITIAL_WINDOW_SIZE is ${value}`);
  }
  if (setting === SETTING.maxFrameSize && (value < FRAME_BYTES_MIN || value > FRAME_BYTES_CAP)) {
    throw new ConnectionError("PROTOCOL_ERROR", `SETTINGS_MAX_FRAME_SIZE is ${value}`);
  }
}
