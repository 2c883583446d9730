/** The entry of tunicornc, the client of the control socket. */

import { readFileSync } from "node:fs";
import { runClient } from "../client/run.ts";
import { GUNICORN_VERSION } from "../settings/index.ts";

/** Put in by the build; absent when run from the sources. */
declare const TUNICORN_VERSION: string | undefined;

const version: string =
  typeof TUNICORN_VERSION === "string"
    ? TUNICORN_VERSION
    : JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

const INTERRUPTED = 130;
process.once("SIGINT", () => process.exit(INTERRUPTED));
// Whoever reads us may have had enough: `tunicornc -c help | head -1`.
process.stdout.on("error", () => process.exit(0));

void runClient(process.argv.slice(2), `tunicorn ${version} (gunicorn ${GUNICORN_VERSION} compatible)`).then((code) => {
  process.exitCode = code;
});
