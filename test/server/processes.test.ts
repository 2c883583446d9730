import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

for (const kind of KINDS) {
  test(`${kind}: a pid file holds the master's pid, for as long as it runs`, async (t) => {
    const path = join(temporaryFolder(t), "pid");
    writeFileSync(path, "999999999\n"); // of a dead process: replaced
    const server = await Server.start(t, kind, { args: ["-p", path, "cases"] });
    assert.equal(readFileSync(path, "utf8"), `${server.pid}\n`);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    await server.stop();
    assert.equal(existsSync(path), false);
  });

  for (const { args, name } of [
    { args: ["cases"], name: "cases" },
    { args: ["--name", "shop", "cases:application"], name: "shop" },
  ]) {
    test(`${kind}: process titles with ${args.join(" ")}`, async (t) => {
      const server = await Server.start(t, kind, { args });
      await server.exchange(get("/"));
      const titles = server.processes().map(({ command }) => command.trim());
      assert.ok(titles.includes(`${kind}: master [${name}]`), titles.join("\n"));
      assert.ok(titles.includes(`${kind}: worker [${name}]`), titles.join("\n"));
    });
  }

  test(`${kind}: TERM lets a request finish`, async (t) => {
    const folder = temporaryFolder(t);
    const server = await Server.start(t, kind, { args: ["cases"] });
    const client = await server.connect();
    t.after(() => client.close());
    client.send(get(`/stay?note=${folder}/note&gate=${folder}/gate`));
    await waitUntil("waiting for the request to be in the application", () => existsSync(join(folder, "note")));
    server.signal("SIGTERM");
    await server.waitForLine(/Handling signal: term/);
    writeFileSync(join(folder, "gate"), "");
    assert.equal((await client.readResponse()).status, 200);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    await server.nothingLeft();
  });

  test(`${kind}: a request that outlasts graceful_timeout is killed`, async (t) => {
    const folder = temporaryFolder(t);
    const server = await Server.start(t, kind, { args: ["--graceful-timeout", "1", "cases"] });
    const client = await server.connect();
    t.after(() => client.close());
    client.send(get(`/stay?note=${folder}/note&gate=${folder}/gate`));
    await waitUntil("waiting for the request to be in the application", () => existsSync(join(folder, "note")));
    server.signal("SIGTERM");
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    await server.nothingLeft();
  });

  test(`${kind}: a worker that is silent for longer than timeout is replaced`, async (t) => {
    const folder = temporaryFolder(t);
    const server = await Server.start(t, kind, { args: ["--timeout", "1", "cases"] });
    const [before] = server.workers();
    const client = await server.connect();
    t.after(() => client.close());
    client.send(get(`/stay?note=${folder}/note&gate=${folder}/gate`));
    const { status } = await client.readResponse();
    assert.ok(status === 500 || status === 502, `status ${status}`);
    await server.waitForLine(new RegExp(`\\[CRITICAL\\] WORKER TIMEOUT \\(pid:${before}\\)`));
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    assert.ok(!server.workers().includes(before ?? 0));
  });

  test(`${kind}: a killed worker is told of and replaced`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    const [before = 0] = server.workers();
    process.kill(before, "SIGKILL");
    await server.waitForLine(new RegExp(`\\[ERROR\\] Worker \\(pid:${before}\\) was sent SIGKILL! Perhaps out of memory\\?$`));
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  });
}
