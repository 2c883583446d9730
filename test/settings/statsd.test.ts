import assert from "node:assert/strict";
import { test } from "node:test";
import { statsdTarget } from "../../src/settings/statsd.ts";

const HERE = { kind: "udp", host: "127.0.0.1", port: 8125 } as const;
const USUAL = { statsd_host: HERE, statsd_prefix: "a", dogstatsd_tags: "b:1", logger_class: "gunicorn.glogging.Logger" };

test("without a host there are no metrics", () => assert.equal(statsdTarget({ ...USUAL, statsd_host: null }), undefined));

test("prefix and tags may be None", () => {
  assert.deepEqual(statsdTarget(USUAL), { address: HERE, prefix: "a", tags: "b:1" });
  assert.deepEqual(statsdTarget({ ...USUAL, statsd_prefix: null, dogstatsd_tags: null }), { address: HERE, prefix: "", tags: "" });
});

test("a logger class of the user's does as it likes, as with Gunicorn", () => {
  for (const logger_class of ["simple", "gunicorn.instrument.statsd.Statsd", null]) assert.ok(statsdTarget({ ...USUAL, logger_class }));
  assert.equal(statsdTarget({ ...USUAL, logger_class: "mine.Logger" }), undefined);
});

test("an inherited descriptor is refused", () => {
  assert.throws(() => statsdTarget({ ...USUAL, statsd_host: { kind: "fd", fd: 3 } }), {
    message: "statsd_host is fd://3, not HOST:PORT or unix://PATH",
  });
});
