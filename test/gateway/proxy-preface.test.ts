import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { TimeLimit } from "../../src/gateway/limits-from-settings.ts";
import { type PrefaceEnd, type PrefaceHost, ProxyPreface, proxyRules } from "../../src/gateway/proxy-preface.ts";
import { readThroughSharedBuffer } from "../../src/gateway/shared-read-buffer.ts";
import type { Peer } from "../../src/request/request-head.ts";
import { binaryHeader, IPV4_BLOCK } from "../protocol/proxy/headers.ts";
import { PEER } from "./memory-exchange.ts";
import { settingsOf } from "./settings-of.ts";
import { until } from "./spool-directory.ts";

const HEAD_MS = 1_000;
const LINE = "PROXY TCP4 192.0.2.1 198.51.100.2 40001 443\r\n";
const REQUEST = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const ADDRESSES = { clientAddress: "192.0.2.1", clientPort: 40001, proxyAddress: "198.51.100.2", proxyPort: 443 };
const PROXY: Peer = { ...PEER, remoteAddress: "10.0.0.1", remotePort: 1234, trusted: true };
const INTRODUCED: Peer = { ...PROXY, remoteAddress: "192.0.2.1", remotePort: 40001, proxy: { protocol: "TCP4", addresses: ADDRESSES } };

/** A preface on a real connection, with the test as its gateway and its clock. */
class Harness implements PrefaceHost {
  readonly limits = { idleMs: 0, proxyIdleMs: 0, headMs: HEAD_MS, drainHeadMs: 0, bodyMs: 0, writeMs: 0 };
  drainingSinceMs: number | undefined;
  /** Limits that struck. */
  readonly struck: string[] = [];
  readonly faults: unknown[] = [];
  nowMs = 5_000;
  end: PrefaceEnd | undefined;
  closedCount = 0;
  /** What came over the socket after the preface had ended. */
  behind = "";
  /** What the client saw. */
  seen = "";
  seenEnd = false;
  preface: ProxyPreface | undefined;
  readonly client: Socket;

  private constructor(client: Socket) {
    this.client = client;
    client.on("data", (bytes: Buffer) => {
      this.seen += bytes.latin1Slice();
    });
    client.on("close", () => {
      this.seenEnd = true;
    });
  }

  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void {
    this.struck.push(`${limit} ${limitMs} ${remoteAddress}`);
  }

  static async start(t: TestContext, { peer = PROXY, words = [] as readonly string[] } = {}): Promise<Harness> {
    const rules = proxyRules(settingsOf(["--proxy-protocol=auto", "--proxy-allow-from", "10.0.0.0/8", ...words])) ?? assert.fail();
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const harness = new Harness(connect((server.address() as AddressInfo).port, "127.0.0.1"));
    server.once("connection", (socket) => {
      harness.preface = new ProxyPreface(readThroughSharedBuffer(socket), peer, rules, harness);
    });
    t.after(() => {
      harness.client.destroy();
      harness.preface?.abandon();
      server.close();
      assert.deepEqual(harness.faults, []);
    });
    await until(() => harness.preface !== undefined);
    return harness;
  }

  now(): number {
    return this.nowMs;
  }
  prefaceEnded(preface: ProxyPreface, end: PrefaceEnd): void {
    assert.equal(this.end, undefined, "it ends once");
    this.end = end;
    preface.socket.on("data", (bytes: Buffer) => {
      this.behind += bytes.latin1Slice();
    });
  }
  closed(): void {
    this.closedCount++;
  }
  fault(error: unknown): void {
    this.faults.push(error);
  }

  send(text: string): void {
    this.client.write(text, "latin1");
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.preface?.sweep(this.nowMs);
  }

  async ended(): Promise<PrefaceEnd> {
    await until(() => this.end !== undefined);
    return this.end ?? assert.fail();
  }
}

test("off: there are no rules, connections begin with their protocol", () => {
  assert.equal(proxyRules(settingsOf()), undefined);
  assert.equal(proxyRules(settingsOf(["--proxy-protocol=off", "--proxy-allow-from", "*"])), undefined);
});

const RULES = [
  { words: ["--proxy-protocol"], versions: "auto", allowed: ["127.0.0.1", "::1"], strangers: ["10.0.0.1", ""] },
  {
    words: ["--proxy-allow-from", "10.0.0.0/8,2001:db8::/32", "--proxy-protocol=v1"],
    versions: "v1",
    allowed: ["10.9.9.9", "2001:db8::5"],
    strangers: ["127.0.0.1", "11.0.0.1"],
  },
  { words: ["--proxy-allow-from", "*", "--proxy-protocol=v2"], versions: "v2", allowed: ["192.0.2.1", "::2"], strangers: [] },
];

for (const { words, versions, allowed, strangers } of RULES) {
  test(`rules with ${words.join(" ")}`, () => {
    const rules = proxyRules(settingsOf(words)) ?? assert.fail();
    assert.equal(rules.versions, versions);
    for (const address of allowed) assert.equal(rules.isAllowed(address), true, address);
    for (const address of strangers) assert.equal(rules.isAllowed(address), false, address);
  });
}

test("a line and a request in one packet: the client is introduced, the request is handed on, then the socket is the gateway's", async (t) => {
  const harness = await Harness.start(t);
  harness.send(LINE + REQUEST);
  assert.deepEqual(await harness.ended(), { at: "done", peer: INTRODUCED, rest: Buffer.from(REQUEST) });
  harness.send("more");
  await until(() => harness.behind === "more");
  harness.client.end();
  await until(() => harness.preface?.socket.readableEnded === true);
  harness.preface?.socket.destroy();
  await until(() => harness.seenEnd);
  assert.equal(harness.closedCount, 0, "its end is no longer the preface's business");
});

test("a block byte by byte", async (t) => {
  const harness = await Harness.start(t);
  harness.client.setNoDelay(true);
  for (const byte of binaryHeader(0x21, 0x11, IPV4_BLOCK)) {
    await new Promise<void>((resolve) => harness.client.write(byte, "latin1", () => setImmediate(resolve)));
  }
  assert.deepEqual(await harness.ended(), { at: "done", peer: INTRODUCED, rest: Buffer.alloc(0) });
});

test("no header: the peer is the client", async (t) => {
  const harness = await Harness.start(t);
  harness.send(REQUEST);
  assert.deepEqual(await harness.ended(), { at: "done", peer: PROXY, rest: Buffer.from(REQUEST) });
});

test("a health check keeps the peer's address and says so", async (t) => {
  const harness = await Harness.start(t);
  harness.send(binaryHeader(0x20, 0x11, IPV4_BLOCK));
  const end = await harness.ended();
  assert.deepEqual(end.peer, { ...PROXY, proxy: { protocol: "LOCAL", addresses: undefined } });
});

test("a stranger may not introduce anybody", async (t) => {
  const harness = await Harness.start(t, { peer: { ...PROXY, remoteAddress: "192.0.2.99" } });
  harness.send("PROXY ");
  const end = await harness.ended();
  assert.ok(end.at === "refused");
  assert.deepEqual([end.error.code, end.error.message], ["proxy-not-allowed", "Proxy request from '192.0.2.99' not allowed"]);
});

test("a peer without an address is no unix peer because of that: its connection was gone when it was accepted", async (t) => {
  const harness = await Harness.start(t, { peer: { ...PROXY, remoteAddress: "", remotePort: undefined } });
  harness.send(LINE);
  assert.equal((await harness.ended()).at, "refused");
});

test("on a unix socket everybody may", async (t) => {
  const unix: Peer = { ...PROXY, remoteAddress: "", remotePort: undefined, serverName: "/run/s", serverPort: undefined };
  const harness = await Harness.start(t, { peer: unix });
  harness.send(LINE);
  const end = await harness.ended();
  assert.deepEqual(end.peer, { ...INTRODUCED, serverName: "/run/s", serverPort: undefined });
});

test("a broken header is refused", async (t) => {
  const harness = await Harness.start(t);
  harness.send("PROXY nonsense\r\n");
  const end = await harness.ended();
  assert.ok(end.at === "refused");
  assert.equal(end.error.message, "Invalid PROXY line: 'PROXY nonsense'");
});

for (const { name, sent, page } of [
  { name: "nothing comes: closed without a word", sent: "", page: /^$/ },
  {
    name: "half a header comes: 408",
    sent: LINE.slice(0, 20),
    page: /^HTTP\/1\.1 408 Request Timeout\r\n.*PROXY header did not come in time/s,
  },
  { name: "a block's end does not come: 408", sent: binaryHeader(0x20, 0, "", 9), page: /^HTTP\/1\.1 408 / },
]) {
  test(`head_timeout: ${name}`, async (t) => {
    const harness = await Harness.start(t);
    harness.send(sent);
    await until(() => harness.preface?.socket.bytesRead === sent.length);
    harness.pass(HEAD_MS - 1);
    assert.equal(harness.preface?.socket.destroyed, false);
    harness.pass(1);
    await until(() => harness.seenEnd);
    assert.match(harness.seen, page);
    assert.deepEqual([harness.end, harness.closedCount], [undefined, 1]);
    assert.deepEqual(harness.struck, [`head-timeout ${HEAD_MS} 10.0.0.1`]);
  });
}

test("a client that leaves inside its header, with a FIN or a reset, is closed and gone", async (t) => {
  for (const leave of ["end", "resetAndDestroy"] as const) {
    const harness = await Harness.start(t);
    harness.send("PROXY TCP4");
    await until(() => harness.preface?.socket.bytesRead === 10);
    harness.client[leave]();
    await until(() => harness.closedCount === 1);
    assert.deepEqual([harness.seen, harness.end], ["", undefined]);
  }
});

test("when the server stops, a header that is on its way may still come; what is silent is closed", async (t) => {
  const harness = await Harness.start(t);
  harness.drainingSinceMs = harness.nowMs;
  harness.pass(249);
  harness.send(LINE);
  assert.equal((await harness.ended()).at, "done");
  const silent = await Harness.start(t);
  silent.drainingSinceMs = silent.nowMs;
  silent.pass(250);
  await until(() => silent.seenEnd);
  assert.deepEqual([silent.seen, silent.closedCount], ["", 1]);
});

test("a fault of the gateway's costs this connection only", async (t) => {
  const harness = await Harness.start(t);
  const fault = new Error("not possible");
  harness.prefaceEnded = () => {
    throw fault;
  };
  harness.send(REQUEST);
  await until(() => harness.seenEnd);
  assert.deepEqual(harness.faults.splice(0), [fault]);
});
