import assert from "node:assert/strict";
import { test } from "node:test";
import { AdminPrefix } from "../../src/gateway/admin-prefix.ts";
import type { RequestStream, ResponseHead } from "../../src/request/exchange.ts";

function stage(prefix: string | null) {
  const asked: [number, string][] = [];
  const pages = new AdminPrefix((id, name) => asked.push([id, name]));
  pages.change(prefix);
  const request = (target: string, method = "GET") => {
    const answers: [ResponseHead, string][] = [];
    const stream = {
      head: { method, target },
      dropBody: () => {},
      sink: { respond: (head: ResponseHead, body: Buffer) => answers.push([head, body.toString()]) },
    } as unknown as RequestStream;
    return { stream, answers, taken: pages.takes(stream) };
  };
  return { pages, asked, request };
}

test("the arbiter's pages below the prefix, and nothing else", () => {
  const { asked, request } = stage("/-");
  const targets = ["/-/readyz", "/-/metrics?x=1", "/-/other", "/-/readyz/", "/-readyz", "/readyz", "/-/", "*", "http://h/-/readyz"];
  assert.deepEqual(
    targets.filter((target) => request(target).taken),
    ["/-/readyz", "/-/metrics?x=1"],
  );
  assert.deepEqual(asked, [
    [1, "readyz"],
    [2, "metrics"],
  ]);
  assert.deepEqual([request("/-/livez", "HEAD").taken, request("/-/livez", "POST").taken], [true, false]);
});

test("without a prefix everything is the application's", () => {
  const { pages, request } = stage(null);
  assert.equal(request("/null/readyz").taken, false);
  pages.change("/a");
  assert.equal(request("/a/readyz").taken, true);
  pages.change(null);
  assert.equal(request("/a/readyz").taken, false);
});

test("each answer goes to its request, once", () => {
  const { pages, request } = stage("/-");
  const [one, two] = [request("/-/livez"), request("/-/readyz")];
  pages.answer(2, { status: 503, type: "text/plain", body: "nö\n" });
  pages.answer(2, { status: 200, type: "text/plain", body: "again" });
  pages.answer(77, { status: 200, type: "text/plain", body: "nobody's" });
  assert.deepEqual(one.answers, []);
  assert.deepEqual(two.answers, [
    [
      {
        status: "503 Service Unavailable",
        fieldLines: "Content-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: 4\r\n",
        contentLength: 4,
        close: false,
      },
      "nö\n",
    ],
  ]);
});

test("a client that has left is forgotten", () => {
  const { pages, request } = stage("/-");
  const { stream, answers } = request("/-/livez");
  stream.onClientLeft?.();
  pages.answer(1, { status: 200, type: "text/plain", body: "ok" });
  assert.deepEqual(answers, []);
});
