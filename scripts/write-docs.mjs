/** Writes docs/settings.md from the table of settings. Run by `npm run docs`. */

import { writeFileSync } from "node:fs";
import { settingsManual } from "../src/settings/index.ts";

writeFileSync(new URL("../docs/settings.md", import.meta.url), settingsManual());
