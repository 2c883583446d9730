/** Gives each request its id, as the settings say (docs/logging.md). */

import { randomFillSync } from "node:crypto";
import { type HeaderName, headerName } from "../request/header-name.ts";
import type { RequestHead } from "../request/request-head.ts";
import { isRequestId, traceIdOf } from "../request/request-id.ts";
import type { Settings } from "../settings/table.ts";

/** Bytes of an id: as many as a UUID has, so that no two are ever the same. */
const ID_BYTES = 16;
/** Random bytes are fetched for so many ids at once: the call costs more than the bytes. */
const IDS_AT_ONCE = 256;
/** What is read when ids are made for the log alone. */
const DEFAULT_NAME = "x-request-id";
const TRACEPARENT = "traceparent";

const pool = Buffer.alloc(ID_BYTES * IDS_AT_ONCE);
let used = pool.length;

function makeId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString("hex", used - ID_BYTES, used);
}

export class RequestIds {
  /** Undefined: the application is not told. */
  readonly #field: HeaderName | undefined;
  readonly #name: string;
  readonly #spelling: string;
  readonly #echoes: boolean;

  private constructor(header: string | null, echoes: boolean) {
    this.#field = header === null ? undefined : headerName(header);
    this.#name = this.#field?.lower ?? DEFAULT_NAME;
    this.#spelling = header ?? DEFAULT_NAME;
    this.#echoes = echoes;
  }

  /** @returns undefined where nobody asks for ids: requests cost nothing more then. */
  static of({ request_id_header, request_id_echo, log_format }: Settings): RequestIds | undefined {
    if (request_id_header === null && log_format !== "json") return undefined;
    return new RequestIds(request_id_header, request_id_echo === true);
  }

  /**
   * Gives a head its id; in place where it is this request's alone: a copy costs as much as its line in the log. Only trusted peers'
   * fields are believed.
   */
  identify(given: RequestHead): RequestHead {
    const head = given.encoded === undefined ? given : { ...given };
    const { trusted } = head.peer;
    const sent = trusted ? findOnly(head, this.#name) : undefined;
    const isKept = sent !== undefined && isRequestId(sent);
    const requestId = isKept ? sent : makeId();
    head.requestId = requestId;
    const trace = trusted ? findOnly(head, TRACEPARENT) : undefined;
    const traceId = trace === undefined ? undefined : traceIdOf(trace);
    if (traceId !== undefined) head.traceId = traceId;
    if (this.#echoes) head.echo = `${this.#spelling}: ${requestId}\r\n`;
    if (this.#field !== undefined && !isKept) replaceField(head, this.#field, requestId);
    return head;
  }
}

/** @returns undefined when there is none, or more than one: nobody knows which of them is meant. */
function findOnly({ names, values }: RequestHead, wanted: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < names.length; i++) {
    if (names[i]!.lower !== wanted) continue;
    if (found !== undefined) return undefined;
    found = values[i]!;
  }
  return found;
}

/** All fields that the application would find under the same name of the environ go, X_Request_Id too. */
function replaceField(head: { -readonly [Key in "names" | "values"]: RequestHead[Key] }, field: HeaderName, value: string): void {
  const isKept = (_: unknown, index: number) => names[index]!.environKey !== field.environKey;
  const { names, values } = head;
  const isThere = names.some(({ environKey }) => environKey === field.environKey);
  head.names = [...(isThere ? names.filter(isKept) : names), field];
  head.values = [...(isThere ? values.filter(isKept) : values), value];
}
