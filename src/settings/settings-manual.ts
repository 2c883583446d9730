/** The text of docs/settings.md. */

import { pythonValue, repr } from "../base/python-repr.ts";
import { NOT_SUPPORTED_YET } from "./not-supported-yet.ts";
import type { OnReload, Section, Setting } from "./setting.ts";
import { ENTRIES, type SettingName } from "./table.ts";

const HEAD = `# Settings

Generated from \`src/settings/table\` by \`settingsManual()\`; a test keeps it up to date.

The later wins, and values are replaced whole: defaults and environment, Paste file, config file, \`GUNICORN_CMD_ARGS\`, command line.
The config file is Python; its globals with the names below are settings. Options may be abbreviated as long as no other begins alike.
`;

const ON_RELOAD: Readonly<Record<OnReload, string>> = {
  apply: "takes effect with a reload (SIGHUP)",
  rebind: "with a reload new addresses are bound, then those that are gone are closed",
  restart: "takes effect with the next start",
};

/** Writes the manual: one heading for each section, in the order of the table, and one for each setting. */
export function settingsManual(): string {
  const sections = new Map<Section, string[]>();
  for (const [name, entry] of ENTRIES) {
    const texts = sections.get(entry.section) ?? [];
    sections.set(entry.section, [...texts, describe(name, entry)]);
  }
  return [HEAD, ...[...sections].map(([section, texts]) => `## ${section}\n\n${texts.join("\n")}`)].join("\n");
}

function describe(name: SettingName, entry: Setting<unknown>): string {
  const facts = [
    entry.flags.length > 0
      ? `Command line: ${entry.flags.map((flag) => `\`${flag}${optionValue(name, entry)}\``).join(", ")}`
      : "Config file only",
    `Kind: ${entry.kind.name}`,
    `Default: ${defaultText(entry)}`,
    `Change: ${ON_RELOAD[entry.onReload]}`,
  ];
  if (entry.noEffect !== undefined) facts.push(`Without effect: ${entry.noEffect}`);
  if (entry.ours) facts.push("Only in Tunicorn");
  if (NOT_SUPPORTED_YET.includes(name)) facts.push("Not supported yet: only the default is accepted");
  return `### ${name}\n\n${escapeMarkdown(entry.doc)}\n\n${facts.map((fact) => `- ${fact}`).join("\n")}\n`;
}

function optionValue(name: SettingName, entry: Setting<unknown>): string {
  const metavar = entry.metavar ?? name.toUpperCase();
  if (entry.action === "store_true" || entry.action === "store_false") return "";
  return entry.action === "store_optional" ? ` [${metavar}]` : ` ${metavar}`;
}

/** Defaults that the machine decides are told by the text above them. */
function defaultText(entry: Setting<unknown>): string {
  const value = pythonValue(entry.default);
  if (value.t === "object") return "a function that does nothing";
  return `\`${repr(value)}\`${entry.surroundingDefault === undefined ? "" : ", or what the machine says"}`;
}

/** Texts are plain; these characters mean something in Markdown. */
function escapeMarkdown(text: string): string {
  return text.replace(/[*_[\]<>#|]/g, "\\$&");
}
