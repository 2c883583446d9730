import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { SendQueues } from "../../src/gateway/send-queues.ts";
import { until } from "./spool-directory.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000007 00:00000000 00000000     0        0 47 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0A0200C0:C001 01 003D7E00:00000000 04:00000021 00000000     0        0 48 2 0000000000000000 20 0 0 15 -1
   2: 0100007F:1F90 0A0200C0:C002 06 00000009:00000000 04:00000021 00000000     0        0 49 2 0000000000000000 20 0 0 15 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue
  10: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:863A 01 00000010:00000000 04:00000021 00000000  0
  11: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:C001 01 00000020:00000000 04:00000021 00000000  0
`;

const CASES: readonly [name: string, remoteAddress: string | undefined, remotePort: number | undefined, bytes: number | undefined][] = [
  ["IPv4", "192.0.2.10", 0xc001, 0x3d7e00],
  ["an IPv4 client of an IPv6 socket", "::ffff:127.0.0.1", 0x863a, 16],
  ["IPv6", "2001:db8::2", 0xc001, 32],
  ["a zone is no part of the address", "2001:db8::2%eth0", 0xc001, 32],
  ["not established", "192.0.2.10", 0xc002, undefined],
  ["somebody else", "192.0.2.11", 0xc001, undefined],
  ["a unix socket", undefined, undefined, undefined],
  ["what is no address", "proxy", 1, undefined],
];

for (const [name, remoteAddress, remotePort, bytes] of CASES) {
  test(`bytes that wait in the kernel: ${name}`, () => {
    const queues = new SendQueues(() => TABLE);
    assert.equal(queues.bytesOf({ localPort: 8080, remoteAddress, remotePort } as Socket, 0), bytes);
  });
}

test("the table is read once a second at most, and not before it is needed", () => {
  let readings = 0;
  const queues = new SendQueues(() => {
    readings++;
    return TABLE;
  });
  const client = { localPort: 8080, remoteAddress: "192.0.2.10", remotePort: 0xc001 } as Socket;
  for (const [nowMs, expected] of [
    [5000, 1],
    [5999, 1],
    [6000, 2],
    [6001, 2],
  ] as const) {
    queues.bytesOf(client, nowMs);
    assert.equal(readings, expected);
  }
});

test("without a table nothing is known", () =>
  assert.equal(new SendQueues(() => "").bytesOf({ localPort: 1, remoteAddress: "::1", remotePort: 2 } as Socket, 0), undefined));

for (const host of ["127.0.0.1", "::1"]) {
  test(`the kernel's own table, ${host}`, async (t) => {
    const server = createServer();
    server.listen(0, host);
    await once(server, "listening");
    const reader = connect((server.address() as AddressInfo).port, host).pause();
    const [writer] = (await once(server, "connection")) as [Socket];
    t.after(() => {
      for (const socket of [writer.on("error", () => {}), reader.on("error", () => {})]) socket.destroy();
      server.close();
    });
    writer.write(Buffer.alloc(50_000_000));
    let nowMs = 0;
    const queues = new SendQueues();
    await until(() => {
      nowMs += 1000;
      return (queues.bytesOf(writer, nowMs) ?? 0) > 100_000;
    });
  });
}
