/** The same CPU for every command that is given: the first that Linux numbers. */
const CPU = "0";

/** The command, held to one CPU with all processes that it starts. Linux (util-linux). */
export function onOneCpu(command: readonly string[]): string[] {
  return ["taskset", "--cpu-list", CPU, ...command];
}
