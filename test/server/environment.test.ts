import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { MARKER } from "./process-tree.ts";

const APPLICATION = `
import json
import os

AT_IMPORT = dict(os.environ)


def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps([AT_IMPORT, dict(os.environ)]).encode()]
`;

/** Settings that stop, or slow down, any Node process that heeds them. */
const FOR_NODE = { NODE_OPTIONS: "--require=/nowhere/to-be-found.cjs", NODE_EXTRA_CA_CERTS: "/nowhere/certificates.pem" };
/** Of the server's own making; the application is not to see them. */
const OURS = /^(TUNICORN_|NODE_CHANNEL_)/;

for (const kind of KINDS) {
  for (const { name, variables } of [
    { name: "set", variables: FOR_NODE },
    { name: "not set", variables: {} },
    { name: "empty", variables: { NODE_OPTIONS: "" } },
  ]) {
    test(`${kind}: Node's variables reach the application as the user has them: ${name}`, async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(join(folder, "shown.py"), APPLICATION);
      const server = await Server.start(t, kind, { args: ["shown"], cwd: folder, env: variables });
      const { body } = await server.exchange(get("/"));
      const wanted = Object.entries(variables);
      for (const environment of JSON.parse(body) as Record<string, string>[]) {
        const seen = Object.entries(environment).filter(([name]) => name.startsWith("NODE_"));
        assert.deepEqual(seen.sort(), wanted.sort());
        assert.deepEqual(
          Object.keys(environment).filter((name) => OURS.test(name) && name !== MARKER),
          [],
        );
      }
      // Node warns of certificates that it cannot read.
      assert.ok(!server.output().includes("/nowhere"), server.output());
    });
  }
}

test("tunicorn: its own Node processes are started without them", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases"], env: FOR_NODE });
  for (const pid of [server.pid, server.gateway() ?? assert.fail("there is a gateway")]) {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    assert.deepEqual(
      environment.filter((entry) => /^NODE_(OPTIONS|EXTRA_CA_CERTS)=/.test(entry)),
      [],
    );
  }
});
