/** From the save of a file to the first answer of the new code, for a Flask hello: measured where nothing else runs. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";

const SAVES = 10;
/** Of the middle one of all saves. */
const SAVED_MS_MAX = 300;
/** Between two looks; also its precision. */
const LOOK_MS = 5;

const site = (word: number) => `from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef hello():\n    return "hello ${word}"\n`;

for (const kind of KINDS) {
  test(`${kind}: save to first new answer`, async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, "site_of_mine.py");
    writeFileSync(path, site(0));
    const server = await Server.start(t, kind, { args: ["--reload", "site_of_mine:app"], cwd: folder });
    const answer = async (): Promise<string> =>
      await exchange(server.address, get("/")).then(
        ({ body }) => body,
        () => "",
      );
    await waitUntil("waiting for the first answer", async () => (await answer()) === "hello 0");
    const times: number[] = [];
    for (let save = 1; save <= SAVES; save += 1) {
      // Gunicorn takes what a file is when it begins to watch for the start: not at once after a reload.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const savedMs = performance.now();
      writeFileSync(path, site(save));
      while ((await answer()) !== `hello ${save}`) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      times.push(performance.now() - savedMs);
    }
    times.sort((one, other) => one - other);
    const middleMs = times[SAVES / 2] ?? 0;
    t.diagnostic(`${kind}: middle ${middleMs.toFixed(0)} ms, all ${times.map((ms) => ms.toFixed(0)).join(", ")}`);
    if (kind === "tunicorn") assert.ok(middleMs < SAVED_MS_MAX, `${middleMs} ms`);
  });
}
