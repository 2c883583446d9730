/** One decoded field. The dynamic table holds these objects, so that what is worked out once serves each time the entry is used. */

import { ENTRY_OVERHEAD_BYTES, type TableEntry } from "./dynamic-table.ts";
import type { FieldName } from "./field-name.ts";

/** What a value must not hold: the controls that HTTP/1 refuses too, CR, LF and NUL among them. */
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
/** Nor may it begin or end with a blank (RFC 9113 §8.2.1). */
const BLANK_AT_END = /^[ \t]|[ \t]$/;

export class HpackField implements TableEntry {
  readonly name: FieldName;
  readonly value: string;
  /** The value is one that a message may have (RFC 9113 §8.2.1). */
  readonly sound: boolean;
  readonly tableBytes: number;

  constructor(name: FieldName, value: string) {
    this.name = name;
    this.value = value;
    this.sound = !NOT_IN_VALUE.test(value) && !BLANK_AT_END.test(value);
    this.tableBytes = name.text.length + value.length + ENTRY_OVERHEAD_BYTES;
  }
}
