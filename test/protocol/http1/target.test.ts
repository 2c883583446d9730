import assert from "node:assert/strict";
import { test } from "node:test";
import { splitTarget } from "../../../src/protocol/http1/target.ts";

/** protocols §1.3 and RFC 9112 §3.2; the split is Python's urlsplit. */
const SPLIT = [
  { target: "/", rawPath: "/", query: "" },
  { target: "/a%20b?x=1#f", rawPath: "/a%20b", query: "x=1" },
  { target: "/a?b?c#d?e", rawPath: "/a", query: "b?c" },
  { target: "/a#f?q", rawPath: "/a", query: "" },
  { target: "//a//b/../c;p", rawPath: "//a//b/../c;p", query: "" },
  { target: "//[", rawPath: "//[", query: "" },
  { target: "*", rawPath: "*", query: "" },
  { target: "http://h", rawPath: "", query: "" },
  { target: "http://h?q", rawPath: "", query: "q" },
  { target: "http://u:p@h:8080/foo%41?q", rawPath: "/foo%41", query: "q" },
  { target: "HTTP://[::1]:80/p", rawPath: "/p", query: "" },
  { target: "x://[vF.x:y]/", rawPath: "/", query: "" },
  { target: "http://[fe80::1%25eth0]/", rawPath: "/", query: "" },
  { target: "http://[fe80::1%]/", rawPath: undefined, query: undefined },
  { target: "http://[fe80::1%a%b]/", rawPath: undefined, query: undefined },
  { target: "http://[fe80::1%eth0]/", rawPath: "/", query: "" },
  { target: "h:443", rawPath: "443", query: "" },
  { target: "1.2.3.4:443", rawPath: "1.2.3.4:443", query: "" },
  { target: "a?b://c", rawPath: "a", query: "b://c" },
  { target: "http:x://y", rawPath: "x://y", query: "" },
  { target: "http://[::1", rawPath: undefined, query: undefined },
  { target: "http://::1]/", rawPath: undefined, query: undefined },
  { target: "http://[1.2.3.4]/", rawPath: undefined, query: undefined },
  { target: "http://[v.x]/", rawPath: undefined, query: undefined },
  { target: "http://[]/", rawPath: undefined, query: undefined },
  { target: "http://h/[", rawPath: "/[", query: "" },
];

for (const { target, rawPath, query } of SPLIT) {
  test(`splitTarget ${rawPath === undefined ? "refuses" : "splits"} ${target}`, () =>
    assert.deepEqual(splitTarget(target), rawPath === undefined ? undefined : { rawPath, query }));
}
