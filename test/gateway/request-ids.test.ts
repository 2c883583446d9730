import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestIds } from "../../src/gateway/request-ids.ts";
import { EncodedHead } from "../../src/request/encoded-head.ts";
import { headerName } from "../../src/request/header-name.ts";
import type { RequestHead } from "../../src/request/request-head.ts";
import { PEER, requestHead } from "./memory-exchange.ts";
import { settingsOf } from "./settings-of.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

function head(trusted: boolean, fields: readonly (readonly [string, string])[]): RequestHead {
  return {
    ...requestHead("GET", "/"),
    peer: { ...PEER, trusted },
    names: fields.map(([name]) => headerName(name) ?? assert.fail()),
    values: fields.map(([, value]) => value),
  };
}

/** What the application is told. */
function shown({ names, values }: RequestHead): string[] {
  return names.map(({ environKey }, index) => `${environKey}=${values[index]}`);
}

function ids(...words: string[]): RequestIds {
  return RequestIds.of(settingsOf(words)) ?? assert.fail("ids are asked for");
}

test("without a setting nobody has an id", () => {
  assert.equal(RequestIds.of(settingsOf()), undefined);
});

test("a trusted proxy's id is kept, and nothing changes for the application", () => {
  const given = head(true, [
    ["X-Request-ID", "from-proxy"],
    ["traceparent", `00-${TRACE}-00f067aa0ba902b7-01`],
  ]);
  const before = shown(given);
  const identified = ids("--request-id-header", "X-Request-ID").identify(given);
  assert.deepEqual([identified.requestId, identified.traceId, identified.echo], ["from-proxy", TRACE, undefined]);
  assert.deepEqual(shown(identified), before);
});

for (const { name, trusted, fields, kept } of [
  { name: "a stranger's", trusted: false, fields: [["x-request-id", "mine"]], kept: [] },
  { name: "a stranger's under a name that means the same", trusted: false, fields: [["X_Request_ID", "mine"]], kept: [] },
  { name: "none", trusted: true, fields: [["Accept", "*/*"]], kept: ["HTTP_ACCEPT=*/*"] },
  { name: "two", trusted: true, fields: [["X-Request-ID", "a"], ["X-Request-ID", "b"]], kept: [] }, // biome-ignore format: a row
  { name: "one that is none", trusted: true, fields: [["Accept", "*/*"], ["X-Request-ID", "a b"]], kept: ["HTTP_ACCEPT=*/*"] }, // biome-ignore format: a row
] as const) {
  test(`${name}: the application gets one that was made`, () => {
    const { requestId, ...identified } = ids("--request-id-header", "X-Request-ID").identify(head(trusted, fields));
    assert.match(requestId ?? "", /^[0-9a-f]{32}$/);
    assert.deepEqual(shown(identified), [...kept, `HTTP_X_REQUEST_ID=${requestId}`]);
  });
}

test("a stranger's trace is not believed, and not taken from the application", () => {
  const identified = ids("--log-format", "json").identify(head(false, [["traceparent", `00-${TRACE}-00f067aa0ba902b7-01`]]));
  assert.equal(identified.traceId, undefined);
  assert.equal(identified.names.length, 1);
});

test("with JSON alone the log has ids and the application nothing", () => {
  const one = ids("--log-format", "json");
  assert.deepEqual(shown(one.identify(head(true, [["X-Request-ID", "kept"]]))), ["HTTP_X_REQUEST_ID=kept"]);
  const made = Array.from({ length: 600 }, () => one.identify(head(false, [])));
  assert.equal(new Set(made.map(({ requestId }) => requestId)).size, made.length, "no two are the same");
  assert.ok(made.every((each) => shown(each).length === 0));
});

test("the echo has the setting's spelling", () => {
  const identified = ids("--request-id-header", "x-Correlation-Id", "--request-id-echo").identify(head(true, [["X-Correlation-ID", "7"]]));
  assert.equal(identified.echo, "x-Correlation-Id: 7\r\n");
});

test("a head that several requests have stays as it is: each of them gets an id of its own", () => {
  const given = { ...head(true, [["Accept", "*/*"]]), encoded: new EncodedHead() };
  const one = ids("--request-id-header", "X-Request-ID");
  const identified = [one.identify(given), one.identify(given)];
  assert.equal(given.requestId, undefined);
  assert.deepEqual(shown(given), ["HTTP_ACCEPT=*/*"]);
  assert.equal(new Set(identified.map(({ requestId }) => requestId)).size, 2);
  for (const each of identified) assert.deepEqual(shown(each), ["HTTP_ACCEPT=*/*", `HTTP_X_REQUEST_ID=${each.requestId}`]);
});
