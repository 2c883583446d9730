/**
 * Builds what is shipped: dist/tunicorn.cjs (the master), dist/gateway.cjs and dist/tunicornc.cjs (the client), each one file, and dist/settings.json, the settings
 * table for the Python half. Node starts one bundled file much faster than forty modules.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  // CommonJS: Node starts it without setting up its loader for modules, a tenth of its start.
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  outdir: dist,
  define: {
    TUNICORN_VERSION: JSON.stringify(version),
    "import.meta.url": "moduleUrl",
    // ws would look for native helpers around the program: Node has what they do.
    "process.env.WS_NO_BUFFER_UTIL": '"1"',
    "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
  },
  banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  legalComments: "none",
  logLevel: "warning",
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
await build({
  ...common,
  entryPoints: [join(root, "src/main/tunicorn.ts"), join(root, "src/main/gateway.ts"), join(root, "src/main/tunicornc.ts")],
});
await writeFile(join(dist, "THIRD-PARTY.md"), await thirdPartyLicenses(["ws"]));
await writeFile(join(dist, "settings.json"), await settingsTable());

/** The table as JSON, from the sources by way of a bundle that is thrown away. */
async function settingsTable() {
  const { outputFiles } = await build({
    ...common,
    format: "esm",
    banner: {},
    stdin: { contents: 'export { settingsJson } from "./src/settings/index.ts";', resolveDir: root, loader: "ts" },
    write: false,
  });
  const { settingsJson } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  return `${JSON.stringify(settingsJson(), null, 1)}\n`;
}

/** The licenses of what is bundled: they ask to be kept with it. */
async function thirdPartyLicenses(packages) {
  const texts = packages.map(async (name) => {
    const folder = join(root, "node_modules", name);
    const { version: packageVersion } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    return `## ${name} ${packageVersion}\n\n${await readFile(join(folder, "LICENSE"), "utf8")}`;
  });
  return `# Licenses of what is bundled in this folder\n\n${(await Promise.all(texts)).join("\n")}`;
}
