import assert from "node:assert/strict";
import { test } from "node:test";
import { TOKEN } from "../../../src/protocol/http1/token.ts";
import { headerName } from "../../../src/request/header-name.ts";

test("every byte is a token character for TOKEN exactly when it is one for header names (RFC 9110 §5.6.2)", () => {
  const token = new RegExp(`^${TOKEN}$`);
  for (let code = 0; code < 256; code += 1) {
    const character = String.fromCharCode(code);
    assert.equal(token.test(character), headerName(character) !== undefined, JSON.stringify(character));
  }
});
