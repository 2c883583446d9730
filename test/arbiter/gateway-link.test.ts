import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { GatewayLink } from "../../src/arbiter/gateway-link.ts";

/** A raw handle, as Node gives it for a descriptor that came over IPC, and the other end of it. */
async function rawHandle(): Promise<{ handle: unknown; peer: Socket; server: Server }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const peer = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  const [near] = (await once(server, "connection")) as [Socket & { _handle: unknown }];
  const handle = near._handle;
  near._handle = null;
  return { handle, peer, server };
}

test("lines both ways, then the end", async () => {
  const { handle, peer, server } = await rawHandle();
  const messages: unknown[] = [];
  const closed = new Promise<void>((fulfil) => {
    const link = new GatewayLink(handle, 7, (message) => messages.push(message), fulfil);
    assert.equal(link.pid, 7);
    link.send({ cmd: "drain" });
  });
  peer.setEncoding("utf8");
  const [text] = await once(peer, "data");
  assert.equal(text, '{"cmd":"drain"}\n');
  peer.end('{"ev":"up","pid":7}\n{"ev":"drained"}\n');
  await closed;
  assert.deepEqual(messages, [{ ev: "up", pid: 7 }, { ev: "drained" }]);
  server.close();
});

test("a gateway that speaks nonsense is taken for gone", async () => {
  const { handle, peer, server } = await rawHandle();
  await new Promise<void>((fulfil) => {
    new GatewayLink(handle, 7, () => assert.fail("no message"), fulfil);
    peer.write("nonsense\n");
  });
  peer.destroy();
  server.close();
});

test("a link that is closed by us tells nobody", async () => {
  const { handle, peer, server } = await rawHandle();
  const link = new GatewayLink(
    handle,
    7,
    () => {},
    () => assert.fail("told"),
  );
  link.close();
  link.send({ cmd: "quit" });
  peer.resume();
  await once(peer, "close");
  server.close();
});

test("what a gateway had said before its link was closed is still heard, and then its end", async () => {
  const { handle, peer, server } = await rawHandle();
  const messages: unknown[] = [];
  await new Promise<void>((fulfil) => {
    const link = new GatewayLink(handle, 7, (message) => messages.push(message), assert.fail, fulfil);
    peer.write('{"ev":"counters"}\n');
    link.close();
    assert.ok(link.closed);
    peer.resume().once("end", () => peer.end());
  });
  assert.deepEqual(messages, [{ ev: "counters" }]);
  server.close();
});
