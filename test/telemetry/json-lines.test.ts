import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { headerName } from "../../src/request/header-name.ts";
import type { AccessRecord } from "../../src/telemetry/access-log-atoms.ts";
import { formatJsonAccessLine, formatJsonErrorLine } from "../../src/telemetry/json-lines.ts";
import { PEER, requestHead } from "../gateway/memory-exchange.ts";

function record(changes: Partial<AccessRecord> = {}, fields: readonly (readonly [string, string])[] = []): AccessRecord {
  const head = {
    ...requestHead("GET", "/a?b"),
    peer: PEER,
    names: fields.map(([name]) => headerName(name) ?? assert.fail()),
    values: fields.map(([, value]) => value),
  };
  return {
    head,
    status: 200,
    bodyBytes: 5,
    durationUs: 1234.5,
    responseFieldLines: "",
    workerPid: 7,
    finishedMs: 1_700_000_000_042.9,
    ...changes,
  };
}

test("an access line, field by field", () => {
  const fields = [
    ["Host", "h:1"],
    ["User-Agent", "me"],
    ["Referer", "http://r/"],
    ["Host", "second"],
  ] as const;
  const served = record({ arrivedMs: 1000, startedMs: 1000.25, generation: 3 }, fields);
  Object.assign(served.head, { requestId: "id-1", traceId: "abc" });
  assert.equal(
    formatJsonAccessLine(served),
    '{"time":"2023-11-14T22:13:20.042Z","log":"access","request_id":"id-1","trace_id":"abc","remote_addr":"192.0.2.1","method":"GET",' +
      '"target":"/a?b","protocol":"HTTP/1.1","scheme":"http","host":"h:1","status":200,"bytes":5,"duration_ms":1.235,"queue_ms":0.250,' +
      '"pid":7,"generation":3,"user_agent":"me","referer":"http://r/"}',
  );
});

test("what is not known is null, and no time is negative", () => {
  const { request_id, trace_id, host, queue_ms, generation, duration_ms } = JSON.parse(formatJsonAccessLine(record({ durationUs: -3 })));
  assert.deepEqual([request_id, trace_id, host, queue_ms, generation, duration_ms], [null, null, null, null, null, 0]);
});

test("UTF-8 is read as such, other bytes one by one, and the line is ASCII", () => {
  const agent = (bytes: Buffer) => {
    const line = formatJsonAccessLine(record({}, [["User-Agent", bytes.latin1Slice()]]));
    assert.match(line, /^[ -~]*$/);
    return (JSON.parse(line) as { user_agent: string }).user_agent;
  };
  assert.equal(agent(Buffer.from('caf\u00e9 "\u{1f600}"\\')), 'caf\u00e9 "\u{1f600}"\\');
  assert.equal(agent(Buffer.from([0x61, 0xff, 0x0a, 0x7f])), "a\u00ff\n\u007f");
});

test("whatever a client sends is one line of JSON that says it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).latin1Slice();
      const line = formatJsonAccessLine(record({}, [["Referer", text]]));
      const { referer } = JSON.parse(line) as { referer: string };
      assert.ok(!/[^ -~]/.test(line));
      assert.ok(referer === text || Buffer.from(referer, "utf8").equals(Buffer.from(bytes)));
    }),
  );
});

test("a line of the error log", () => {
  const line = formatJsonErrorLine(new Date(1_700_000_000_042), 7, "warning", 'says "x"\nand \u2028\ud800');
  assert.equal(
    line,
    '{"time":"2023-11-14T22:13:20.042Z","log":"error","level":"warning","pid":7,"message":"says \\"x\\"\\nand \\u2028\\ud800"}\n',
  );
});
