import { parseArgs } from "node:util";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import { SERVERS, type ServerSpec } from "./servers.ts";

/** The command line of the bench, checked. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly servers: readonly ServerSpec[];
  readonly rounds: number;
  readonly seconds: number;
  /** Where all samples go as JSON. */
  readonly jsonFile: string | undefined;
  /** Executable that runs tunicorn. */
  readonly node: string;
  /** Interpreter that makes .venv-bench. */
  readonly python: string;
}

/** A command line that cannot be followed. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

export const HELP = `npm run bench -- [options]

Runs tunicorn and its peers in turns and prints the ratios of their medians, tunicorn's value divided by the peer's.

  --only PATTERN   scenarios whose name matches this regular expression; --list shows all
  --servers A,B    ${SERVERS.map((server) => server.name).join(", ")} (default: all);
                   without tunicorn the first one is what the others are compared with
  --rounds N       turns of each server in each scenario (default 5, quick 2)
  --seconds N      whole seconds of load in each turn (default 4, quick 1)
  --quick          a look, not a measurement
  --json FILE      writes all samples and the table there too
  --node PATH      runs tunicorn with another Node (default: the one that runs the bench)
  --python PATH    makes .venv-bench with this interpreter (default: python3)
  --list           prints the names of the scenarios
  --help           prints this
`;

function parseCount(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new OptionError(`--${name} is "${text}", not a whole number from 1 to 9999`);
  return Number(text);
}

function selectScenarios(pattern: string | undefined): readonly Scenario[] {
  if (pattern === undefined) return SCENARIOS;
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    throw new OptionError(`--only is "${pattern}", not a regular expression`, { cause: error });
  }
  const scenarios = SCENARIOS.filter((scenario) => expression.test(scenario.id));
  if (scenarios.length === 0) throw new OptionError(`no scenario matches --only "${pattern}"; --list shows all`);
  return scenarios;
}

function selectServers(names: string | undefined): readonly ServerSpec[] {
  if (names === undefined) return SERVERS;
  return [...new Set(names.split(","))].map((name) => {
    const server = SERVERS.find((spec) => spec.name === name);
    if (server === undefined) {
      throw new OptionError(`--servers names "${name}", known are ${SERVERS.map((spec) => spec.name).join(", ")}`);
    }
    return server;
  });
}

/**
 * Reads the command line.
 *
 * @param args  `["--only", "hello", "--quick"]`
 * @returns     `"help"` and `"list"` when that was asked for
 * @throws {OptionError} for what cannot be followed
 */
export function parseOptions(args: readonly string[]): Options | "help" | "list" {
  const values = parseFlags(args);
  if (values.help) return "help";
  if (values.list) return "list";
  return {
    scenarios: selectScenarios(values.only),
    servers: selectServers(values.servers),
    rounds: parseCount("rounds", values.rounds, values.quick ? 2 : 5),
    seconds: parseCount("seconds", values.seconds, values.quick ? 1 : 4),
    jsonFile: values.json,
    node: values.node ?? process.execPath,
    python: values.python ?? "python3",
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        servers: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        quick: { type: "boolean", default: false },
        json: { type: "string" },
        node: { type: "string" },
        python: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
