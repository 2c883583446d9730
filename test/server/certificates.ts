/** The tests' own keys and certificates: test/certificates. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CERTIFICATES = fileURLToPath(new URL("../certificates", import.meta.url));

/** @returns the path of `server.pem`. */
export const certificateFile = (name: string) => join(CERTIFICATES, name);
export const certificateText = (name: string) => readFileSync(certificateFile(name), "utf8");
/** The authority that clients trust. */
export const CA = certificateText("ca.pem");
/** Command line of a server that speaks TLS, as `localhost` and `127.0.0.1`. */
export const TLS_SERVER = ["--certfile", certificateFile("server.pem"), "--keyfile", certificateFile("server.key")];
