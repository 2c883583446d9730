/** What can be said at the control socket. The only list: help, completion and the manual are made of it. */

export interface ListedCommand {
  /** `"worker kill <PID>"` */
  readonly usage: string;
  readonly text: string;
  /** Gunicorn has no such command. */
  readonly ours?: true;
}

/** In Gunicorn's order and words, then ours. */
export const COMMANDS: readonly ListedCommand[] = [
  { usage: "show all", text: "Show all processes (arbiter, web workers, dirty workers)" },
  { usage: "show workers", text: "List HTTP workers with their status" },
  { usage: "show dirty", text: "List dirty workers and apps" },
  { usage: "show config", text: "Show current effective configuration" },
  { usage: "show stats", text: "Show server statistics" },
  { usage: "show listeners", text: "Show bound sockets" },
  { usage: "worker add [N]", text: "Spawn N workers (default 1)" },
  { usage: "worker remove [N]", text: "Remove N workers (default 1)" },
  { usage: "worker kill <PID>", text: "Gracefully terminate specific worker" },
  { usage: "dirty add [N]", text: "Spawn N dirty workers (default 1)" },
  { usage: "dirty remove [N]", text: "Remove N dirty workers (default 1)" },
  { usage: "reload", text: "Graceful reload (HUP)" },
  { usage: "reopen", text: "Reopen log files (USR1)" },
  { usage: "shutdown [graceful|quick]", text: "Shutdown server (TERM/INT)" },
  { usage: "help", text: "Show this help message" },
  { usage: "show top", text: "Show everything at once: workers, requests, queue, connections, counters", ours: true },
  { usage: "show worker <PID>", text: "Show one worker with its requests and its memory", ours: true },
  { usage: "show requests", text: "List requests in flight, the oldest first", ours: true },
  { usage: "show queue", text: "Show how many requests wait, and for how long the first has", ours: true },
  { usage: "show connections", text: "Show clients' connections", ours: true },
  { usage: "show exits", text: "List the last workers that ended, and why", ours: true },
  { usage: "stacks <PID>", text: "Show where a worker's threads, tasks and greenlets are", ours: true },
  { usage: "recycle <PID>", text: "Replace a worker: another is ready before it leaves", ours: true },
  { usage: "drain", text: "Ask for no more clients, finish those that are here, and end", ours: true },
  { usage: "reload --wait", text: "Reload, and answer when it is done or has failed", ours: true },
  { usage: "explain <SETTING>", text: "Show a setting's value and where it comes from", ours: true },
  { usage: "log <LEVEL>", text: "Change the error log's level until the next reload", ours: true },
];

/** Gunicorn's `show` targets in its own order, as its messages name them, then ours. */
export const SHOW_TARGETS = [
  "all",
  "workers",
  "dirty",
  "config",
  "stats",
  "listeners",
  "top",
  "worker",
  "requests",
  "queue",
  "connections",
  "exits",
] as const;
export type ShowTarget = (typeof SHOW_TARGETS)[number];

/** @returns `data` of `help`. */
export function helpAnswer(): { commands: Record<string, string> } {
  return { commands: Object.fromEntries(COMMANDS.map(({ usage, text }) => [usage, text])) };
}

/** The fixed words of every command, without what is to be filled in: `"worker kill"`, `"shutdown graceful"`. */
export function fixedWords(): string[] {
  return COMMANDS.flatMap(({ usage }) => {
    const [words = "", choices] = usage.split(/ (?=[[<])/);
    const alternatives = /^\[([a-z]+(?:\|[a-z]+)+)\]$/.exec(choices ?? "")?.[1]?.split("|") ?? [];
    return [words, ...alternatives.map((choice) => `${words} ${choice}`)];
  });
}
