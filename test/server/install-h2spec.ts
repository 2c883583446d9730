/**
 * Gets h2spec into the cache where the machine has none, by the Go toolchain; `npm test` runs this.
 * Ends with 1 and says what to install when that does not work.
 */

import { spawnSync } from "node:child_process";
import { findH2spec, H2SPEC_CACHE } from "./find-h2spec.ts";

/** The last release, from 2020: the tests are of RFC 7540, and still hold but for priorities. */
const MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";

if (findH2spec() === undefined) spawnSync("go", ["install", MODULE], { env: { ...process.env, GOBIN: H2SPEC_CACHE }, stdio: "inherit" });
const path = findH2spec();
if (path !== undefined) console.log(`h2spec: ${path}`);
else {
  console.error(`there is no h2spec, and the Go toolchain does not bring it: go install ${MODULE}`);
  process.exitCode = 1;
}
