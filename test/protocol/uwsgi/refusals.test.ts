import assert from "node:assert/strict";
import { test } from "node:test";
import { forbiddenPeer, invalidPacket, unsupportedModifier } from "../../../src/protocol/uwsgi/refusals.ts";
import { PROTOCOL_ERRORS } from "../../../src/request/protocol-error.ts";

const REFUSALS = [
  { error: invalidPacket("truncated key"), status: 400, log: "Invalid uWSGI header: truncated key", page: undefined },
  { error: unsupportedModifier(5), status: 501, log: "Unsupported uWSGI modifier1: 5", page: undefined },
  { error: forbiddenPeer("192.0.2.7"), status: 403, log: "uWSGI request from '192.0.2.7' not allowed", page: "Request forbidden" },
];

for (const { error, status, log, page = log } of REFUSALS) {
  test(`${log}: ${status}`, () =>
    assert.deepEqual([PROTOCOL_ERRORS[error.code].status, error.message, error.pageText], [status, log, page]));
}
