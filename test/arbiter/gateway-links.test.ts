import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { GatewayLinks } from "../../src/arbiter/gateway-links.ts";
import { rawHandle } from "./raw-handle.ts";

test("every gateway is told and heard by its index; one that is dropped is heard no more", async () => {
  const heard: string[] = [];
  let changed = () => {};
  const note = (text: string): void => {
    heard.push(text);
    changed();
  };
  const counted: number[] = [];
  const links = new GatewayLinks({
    said: (gateway, said) => note(`${gateway} ${said.ev}`),
    closed: (pid) => note(`closed ${pid}`),
    reported: (report) => note(`answer ${report.ask}`),
    monitor: {
      takes: (pid, message) => {
        const isCount = (message as { ev?: string }).ev === "counters";
        if (isCount) counted.push(pid);
        return isCount;
      },
      gatewayGone: (pid) => void counted.push(-pid),
    },
  });
  assert.deepEqual(links.all, []);
  const until = async (count: number): Promise<void> => {
    while (heard.length < count)
      await new Promise<void>((fulfil) => {
        changed = fulfil;
      });
  };
  const [first, second, third] = [await rawHandle(), await rawHandle(), await rawHandle()];
  for (const { peer } of [first, second, third]) peer.setEncoding("utf8");
  links.connect(0, 70, first.handle);
  links.connect(1, 71, second.handle);
  links.tellAll({ cmd: "drain" });
  links.tell(1, { cmd: "quit" });
  links.tell(2, { cmd: "quit" });
  assert.equal((await once(first.peer, "data"))[0], '{"cmd":"drain"}\n');
  let told = "";
  while (!told.endsWith('{"cmd":"quit"}\n')) told += (await once(second.peer, "data"))[0];
  assert.equal(told, '{"cmd":"drain"}\n{"cmd":"quit"}\n');
  second.peer.write('{"ev":"drained"}\n{"ev":"nonsense"}\n{"ev":"report","ask":7}\n{"ev":"counters"}\n');
  await until(2);
  links.connect(1, 72, third.handle);
  await once(second.peer, "close");
  third.peer.end('{"ev":"up","pid":72}\n');
  await until(4);
  assert.deepEqual(heard, ["1 drained", "answer 7", "1 up", "closed 72"]);
  assert.deepEqual(counted, [71, -71, -72], "counters are the monitor's");
  links.drop(0);
  await once(first.peer, "close");
  links.tellAll({ cmd: "drain" });
  assert.equal(heard.length, 4);
  for (const { server } of [first, second, third]) server.close();
});
