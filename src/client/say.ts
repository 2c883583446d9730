/** One command: asked, and its answer as text. */

import { type AnswerData, formatAsGunicorn, formatAsJson } from "../control/format.ts";
import { formatOurs } from "../control/our-format.ts";
import type { ControlClient } from "./control-client.ts";

/** Commands that take as long as they take. */
const WITHOUT_END = /^\s*reload\s.*wait\b/i;

export interface Said {
  readonly text: string;
  /** The server has understood it, and has not done it. */
  readonly failed: boolean;
}

/** @throws {ControlClientError} */
export async function say(client: ControlClient, line: string, json: boolean): Promise<Said> {
  const data = await client.ask(line, WITHOUT_END.test(line) ? Number.POSITIVE_INFINITY : undefined);
  return { text: json ? JSON.stringify(data, null, 2) : format(line, data), failed: data.success === false };
}

function format(line: string, data: AnswerData): string {
  return formatAsGunicorn(line, data) ?? formatOurs(line, data) ?? formatAsJson(data);
}
