import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { encodeField } from "../../../src/protocol/hpack/encoded-field.ts";
import { Http2Response } from "../../../src/protocol/http2/response-writer.ts";
import type { Http2Stream } from "../../../src/protocol/http2/stream.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { policy } from "./harness.ts";
import { echo, NodeClient } from "./node-client.ts";

const name = fc.constantFrom("x-a", "x-b", "x-much-longer-name", "accept", "user-agent", "authorization", "x-1");
/** What Node lets through, all of it what a value may be. */
const value = fc
  .string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 60 })
  .filter((text) => text.trim() === text);
const someHeaders = fc.dictionary(name, value, { maxKeys: 6 });
const path = fc.webPath().map((text) => `/${text}`.replace(/^\/+/, "/"));

/** One connection serves all runs: the tables of both sides fill, and their entries go. */
async function withClient(
  onRequest: (stream: Http2Stream, head: RequestHead) => void,
  work: (client: NodeClient) => Promise<void>,
  rules = policy(),
  settings = {},
): Promise<void> {
  const client = new NodeClient(onRequest, rules, settings);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

test("HPACK both ways: what Node encodes is decoded, what we encode Node decodes", async () => {
  let seen: RequestHead | undefined;
  let fields: ReturnType<typeof encodeField>[] = [];
  const onRequest = (stream: Http2Stream, head: RequestHead) => {
    seen = head;
    stream.respond(200, fields, Buffer.from("x"));
  };
  await withClient(onRequest, async (client) => {
    const step = fc.tuple(someHeaders, someHeaders, path);
    await fc.assert(
      fc.asyncProperty(step, async ([asked, answered, target]) => {
        fields = Object.entries(answered).map(([field, text]) => encodeField(field, text));
        const answer = await client.ask({ ":path": target, ...asked });
        assert.equal(seen?.target, target);
        const got = new Map(seen?.names.map(({ lower }, i) => [lower, seen?.values[i]]));
        assert.deepEqual(Object.fromEntries(got), { host: "h:80", ...asked });
        const { ":status": status, ...rest } = answer.headers as Record<string, unknown>;
        assert.equal(status, 200);
        assert.deepEqual(Object.fromEntries(Object.entries(rest)), Object.fromEntries(Object.entries(answered)));
      }),
      { numRuns: 500 },
    );
  });
});

for (const tableSize of [0, 100, 65536]) {
  test(`a client with a table of ${tableSize} bytes`, async () => {
    const fields = Array.from({ length: 20 }, (_, i) => encodeField(`x-${i}`, "v".repeat(i * 10)));
    const onRequest = (stream: Http2Stream) => stream.respond(200, fields, Buffer.from("x"));
    const work = async (client: NodeClient) => {
      for (let i = 0; i < 20; i += 1) {
        const { headers } = await client.ask({ ":path": `/${i}` });
        for (const field of fields) assert.equal(headers[field.name], field.value);
      }
    };
    await withClient(onRequest, work, policy(), { headerTableSize: tableSize });
  });
}

test("large bodies both ways at once, each with flow control, and nothing is mixed up", async () => {
  await withClient(
    (stream) => echo(stream, []),
    async (client) => {
      const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(1_000_000 + i * 100_003, String.fromCharCode(97 + i)));
      const answers = await Promise.all(bodies.map((body, i) => client.ask({ ":path": `/${i}`, ":method": "POST" }, body)));
      answers.forEach(({ status, body }, i) => {
        assert.equal(status, 200);
        assert.ok(body.equals(bodies[i]!), `body ${i}`);
      });
      assert.equal(client.connection.openStreams, 0);
    },
  );
});

test("windows of a few bytes on both sides", async () => {
  await withClient(
    (stream) => echo(stream, []),
    async (client) => {
      const body = Buffer.from("0123456789".repeat(300));
      const answer = await client.ask({ ":path": "/", ":method": "POST" }, body);
      assert.ok(answer.body.equals(body));
    },
    policy({ initialWindowSize: 100 }),
    { initialWindowSize: 100 },
  );
});

test("a reader that does not use what it gets stops its own stream, not the others", async () => {
  let slow: Http2Stream | undefined;
  const onRequest = (stream: Http2Stream, head: RequestHead) => {
    if (head.target !== "/slow") echo(stream, []);
    else {
      slow = stream;
      stream.reader = { onBody: () => {}, onBodyEnd: () => {}, onLeft: () => {} };
    }
  };
  await withClient(onRequest, async (client) => {
    const upload = client.session.request({ ":path": "/slow", ":method": "POST" });
    upload.on("error", () => {});
    upload.end(Buffer.alloc(1_000_000));
    const { body } = await client.ask({ ":path": "/", ":method": "POST" }, Buffer.alloc(500_000, "a"));
    assert.equal(body.length, 500_000);
    assert.equal(slow?.unconsumedBytes, 65535);
  });
});

test("a streamed answer with hints and trailers", async () => {
  const onRequest = (stream: Http2Stream) => {
    const response = new Http2Response(stream, "GET");
    response.informational("103 Early Hints", "Link: </a.css>\r\n");
    response.start({ status: "200 OK", fieldLines: "X-A: b\r\n", contentLength: undefined, close: false }, "D");
    setImmediate(() => {
      response.body(Buffer.from("one "));
      response.body(Buffer.from("two"));
      response.end("Digest: x\r\n");
    });
  };
  await withClient(onRequest, async (client) => {
    const hints: unknown[] = [];
    client.session.on("stream", () => {});
    const asked = client.session.request({ ":path": "/" });
    asked.on("headers", (fields) => hints.push(fields.link));
    const [[head], [trailers], body] = await Promise.all([
      once(asked, "response"),
      once(asked, "trailers"),
      asked.setEncoding("utf8").toArray() as Promise<string[]>,
    ]);
    assert.deepEqual(hints, ["</a.css>"]);
    assert.deepEqual([head["x-a"], head.server, head.date], ["b", "tunicorn", "D"]);
    assert.equal(body.join(""), "one two");
    assert.equal(trailers.digest, "x");
  });
});

test("a request with trailers", async () => {
  let trailers: readonly string[] | undefined;
  const onRequest = (stream: Http2Stream) => {
    stream.reader = {
      onBody: (chunk) => stream.consumed(chunk.length),
      onBodyEnd: () => {
        trailers = stream.trailers?.values;
        stream.respond(200, [], Buffer.from("x"));
      },
      onLeft: () => {},
    };
  };
  await withClient(onRequest, async (client) => {
    const asked = client.session.request({ ":path": "/", ":method": "POST" }, { waitForTrailers: true });
    asked.on("wantTrailers", () => asked.sendTrailers({ digest: "abc" }));
    asked.end("body");
    await once(asked.resume(), "end");
    assert.deepEqual(trailers, ["abc"]);
  });
});

test("a client that cancels, and one whose answer breaks off", async () => {
  const left: string[] = [];
  const onRequest = (stream: Http2Stream, head: RequestHead) => {
    stream.reader = { onBody: () => {}, onBodyEnd: () => {}, onLeft: (code) => left.push(code) };
    if (head.target === "/broken") {
      stream.start(200, [], { size: 0, ended: false, trailers: undefined, read: () => Buffer.alloc(0) });
      stream.reset("INTERNAL_ERROR");
    }
  };
  await withClient(onRequest, async (client) => {
    await assert.rejects(client.ask({ ":path": "/broken" }), { code: "ERR_HTTP2_STREAM_ERROR" });
    const asked = client.session.request({ ":path": "/" });
    asked.on("error", () => {});
    await new Promise((resolve) => client.session.ping(resolve));
    asked.close(8);
    await once(asked, "close");
    await new Promise((resolve) => client.session.ping(resolve));
    assert.deepEqual(left, ["CANCEL"]);
  });
});

test("a drained connection answers what it has and ends without an error", async () => {
  let waiting: Http2Stream | undefined;
  await withClient(
    (stream) => {
      waiting = stream;
    },
    async (client) => {
      const answer = client.ask({ ":path": "/" });
      await new Promise((resolve) => client.session.ping(resolve));
      const goaways: number[] = [];
      client.session.on("goaway", (code) => goaways.push(code));
      const closed = once(client.session, "close");
      client.connection.drain();
      await new Promise((resolve) => setImmediate(resolve));
      waiting?.respond(200, [], Buffer.from("late"));
      assert.equal((await answer).body.latin1Slice(), "late");
      await closed;
      assert.equal(client.end?.code, "NO_ERROR");
      assert.ok(goaways.every((code) => code === 0));
    },
  );
});

test("what the engine announces is what Node reads", async () => {
  await withClient(
    (stream) => echo(stream, []),
    async (client) => {
      const [remote] = await once(client.session, "remoteSettings");
      assert.equal(remote.maxConcurrentStreams, 7);
      assert.equal(remote.initialWindowSize, 70_000);
      assert.equal(remote.maxFrameSize, 20_000);
      assert.equal(remote.maxHeaderListSize, 30_000);
      assert.equal(remote.enableConnectProtocol, true);
    },
    policy({ maxConcurrentStreams: 7, initialWindowSize: 70_000, maxFrameSize: 20_000, maxHeaderListSize: 30_000, extendedConnect: true }),
  );
});
