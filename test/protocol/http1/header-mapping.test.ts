import assert from "node:assert/strict";
import { test } from "node:test";
import { keepsUnderscored, NO_FORWARDERS } from "../../../src/protocol/http1/header-mapping.ts";
import { headerName } from "../../../src/request/header-name.ts";

const NAME = headerName("x_Y")!;

/** protocols §1.6 */
const DECISIONS = [
  { headerMap: "drop", forwarders: NO_FORWARDERS, kept: false },
  { headerMap: "dangerous", forwarders: NO_FORWARDERS, kept: true },
  { headerMap: "drop", forwarders: new Set(["X_Y"]), kept: true },
  { headerMap: "refuse", forwarders: new Set(["X_Y"]), kept: true },
  { headerMap: "refuse", forwarders: "*", kept: true },
  { headerMap: "drop", forwarders: new Set(["x_y", "*"]), kept: false },
] as const;

for (const { headerMap, forwarders, kept } of DECISIONS) {
  const list = forwarders === "*" ? "*" : [...forwarders].join();
  test(`keepsUnderscored: ${headerMap} with forwarders "${list}" is ${kept}`, () =>
    assert.equal(keepsUnderscored(NAME, forwarders, headerMap), kept));
}

test("keepsUnderscored refuses a name that nobody may send under header_map=refuse", () => {
  assert.throws(() => keepsUnderscored(NAME, NO_FORWARDERS, "refuse"), {
    code: "bad-header-name",
    message: "Invalid HTTP header name: 'X_Y'",
  });
});
