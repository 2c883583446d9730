/** What may follow what has been typed, for the Tab key. */

import { SETTING_NAMES } from "../settings/index.ts";
import { fixedWords } from "./command-list.ts";

const LEVELS = ["debug", "info", "warning", "error", "critical"];
const OF_THE_CLIENT = ["quit", "exit"];

/**
 * @param line  `"worker ki"`
 * @param pids  Of the workers, as they were last shown: for commands that want one.
 * @returns     whole lines that begin alike: `["worker kill "]`.
 */
export function completions(line: string, pids: readonly number[]): string[] {
  const typed = line.trimStart();
  const whole = [...fixedWords(), ...OF_THE_CLIENT];
  const arguments_ = [
    ...["worker kill", "show worker", "stacks", "recycle"].flatMap((words) => pids.map((pid) => `${words} ${pid}`)),
    ...SETTING_NAMES.map((name) => `explain ${name}`),
    ...LEVELS.map((level) => `log ${level}`),
  ];
  const found = [...whole, ...arguments_].filter((each) => each.startsWith(typed) && each !== typed);
  const next = new Set(found.map((each) => upToNextWord(each, typed)));
  // With both, the key would stop between them.
  return [...next].filter((each) => !next.has(`${each} `)).sort();
}

/** One word at a time, with the space behind it when more must follow. */
function upToNextWord(whole: string, typed: string): string {
  const end = whole.indexOf(" ", typed.length);
  return end < 0 ? whole : whole.slice(0, end + 1);
}
