/** `tunicorn top`: looks at a server once a second and shows it. The hands; src/control/top-state.ts decides, top-screen.ts draws. */

import type { ReadStream } from "node:tty";
import type { Top } from "../control/our-answers.ts";
import { paint } from "../control/top-paint.ts";
import type { Sample } from "../control/top-rates.ts";
import { drawTop } from "../control/top-screen.ts";
import { createTopState, type ScreenSize, stepTop, type TopEvent, type TopOrder, type TopState } from "../control/top-state.ts";
import { ControlClient, ControlClientError } from "./control-client.ts";
import { Screen, type TerminalOutput } from "./screen.ts";

/** Of a page that is printed: as wide as a terminal, as long as it gets. */
const PAGE: ScreenSize = { columns: 120, rows: Number.POSITIVE_INFINITY };
/** Longer than the server takes that waits for a gateway which hangs. */
const LOOK_ANSWER_MS = 10_000;

/** @param path  Of the control socket. @returns the page, lines without a terminal's sequences. @throws {ControlClientError} */
export async function pageOf(path: string): Promise<string> {
  const client = await ControlClient.connect(path);
  try {
    const state = createTopState(PAGE);
    stepTop(state, { type: "looked", sample: await look(client) });
    const lines = drawTop(state).map(({ text }) => text);
    return `${lines.join("\n").trimEnd()}\n`;
  } finally {
    client.close();
  }
}

async function look(client: ControlClient): Promise<Sample> {
  const top = (await client.ask("show top", LOOK_ANSWER_MS)) as unknown as Top;
  return { atMs: performance.now(), top };
}

/** @returns the exit code. @throws {ControlClientError} when the first look fails; later ones are tried again. */
export async function runTop(
  path: string,
  intervalMs: number,
  input: ReadStream,
  output: TerminalOutput,
  inColour: boolean,
): Promise<number> {
  const client = await ControlClient.connect(path);
  const first = await look(client);
  return await new Promise((fulfil) => {
    const dashboard = new Dashboard(path, client, intervalMs, input, output, inColour, fulfil);
    dashboard.begin(first);
  });
}

class Dashboard {
  readonly #path: string;
  readonly #intervalMs: number;
  readonly #inColour: boolean;
  readonly #onEnd: (code: number) => void;
  readonly #screen: Screen;
  readonly #state: TopState;
  /** For looks. Commands have connections of their own: a reload takes its time. */
  #client: ControlClient | undefined;
  /** Those of commands that are not answered. */
  readonly #atWork = new Set<ControlClient>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #ended = false;

  constructor(
    path: string,
    client: ControlClient,
    intervalMs: number,
    input: ReadStream,
    output: TerminalOutput,
    inColour: boolean,
    onEnd: (code: number) => void,
  ) {
    this.#path = path;
    this.#client = client;
    this.#intervalMs = intervalMs;
    this.#inColour = inColour;
    this.#onEnd = onEnd;
    this.#screen = new Screen(input, output, {
      key: (key) => this.#feed({ type: "key", key }),
      resized: (size) => this.#feed({ type: "resized", size }),
      resumed: () => this.#feed({ type: "resized", size: this.#screen.size }),
      ended: (code) => this.#end(code),
    });
    this.#state = createTopState(this.#screen.size);
  }

  begin(first: Sample): void {
    this.#screen.enter();
    this.#feed({ type: "looked", sample: first });
    this.#lookLater();
  }

  #feed(event: TopEvent): void {
    if (this.#ended) return;
    for (const order of stepTop(this.#state, event)) this.#carryOut(order);
    if (!this.#ended) this.#screen.show(paint(drawTop(this.#state), this.#state.size, this.#inColour));
  }

  #carryOut(order: TopOrder): void {
    switch (order.do) {
      case "leave":
        this.#end(0);
        break;
      case "suspend":
        this.#screen.suspend();
        break;
      case "redraw":
        this.#screen.forget();
        break;
      case "look":
        void this.#look();
        break;
      case "ask":
        void this.#ask(order.command);
        break;
    }
  }

  #lookLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), this.#intervalMs);
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#ended) return;
    this.#looking = true;
    try {
      this.#client ??= await ControlClient.connect(this.#path);
      this.#feed({ type: "looked", sample: await look(this.#client) });
    } catch (error) {
      this.#client?.close();
      this.#client = undefined;
      this.#feed({ type: "lost", text: `no news of the server, trying again: ${textOf(error)}` });
    }
    this.#looking = false;
    if (!this.#ended) this.#lookLater();
  }

  async #ask(command: string): Promise<void> {
    let client: ControlClient | undefined;
    try {
      client = await ControlClient.connect(this.#path);
      this.#atWork.add(client);
      const data = await client.ask(command, Number.POSITIVE_INFINITY);
      this.#feed({ type: "answered", command, data });
    } catch (error) {
      this.#feed({ type: "refused", command, text: textOf(error) });
    } finally {
      client?.close();
      if (client !== undefined) this.#atWork.delete(client);
    }
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#screen.leave();
    this.#client?.close();
    for (const client of this.#atWork) client.close();
    this.#onEnd(code);
  }
}

/** @throws what is no word of the server's or the connection's. */
function textOf(error: unknown): string {
  if (!(error instanceof ControlClientError)) throw error;
  return error.message;
}
