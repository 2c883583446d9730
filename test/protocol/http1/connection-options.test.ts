import assert from "node:assert/strict";
import { test } from "node:test";
import { wantsKeepAlive } from "../../../src/protocol/http1/connection-options.ts";

/** RFC 9112 §9.3. The lists are what Gunicorn overlooks (protocols §9.3). */
const WISHES = [
  { options: undefined, version: 11, keepAlive: true },
  { options: undefined, version: 10, keepAlive: false },
  { options: undefined, version: 9, keepAlive: false },
  { options: undefined, version: 19, keepAlive: true },
  { options: "close", version: 11, keepAlive: false },
  { options: "CLOSE", version: 11, keepAlive: false },
  { options: "close, te", version: 11, keepAlive: false },
  { options: "te,\tClose ", version: 11, keepAlive: false },
  { options: "keep-alive,close", version: 11, keepAlive: false },
  { options: "keep-alive", version: 10, keepAlive: true },
  { options: "te, Keep-Alive", version: 10, keepAlive: true },
  { options: "keep-alive, close", version: 10, keepAlive: false },
  { options: "closed", version: 11, keepAlive: true },
  { options: "upgrade", version: 10, keepAlive: false },
  { options: "", version: 11, keepAlive: true },
];

for (const { options, version, keepAlive } of WISHES) {
  test(`wantsKeepAlive: Connection ${JSON.stringify(options)} in version ${version} is ${keepAlive}`, () =>
    assert.equal(wantsKeepAlive(options, version), keepAlive));
}
