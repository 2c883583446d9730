/** The master's control interface, as the arbiter has it: what to tell it, and when its socket opens, moves and goes. */

import { homedir, tmpdir } from "node:os";
import { Chronicle } from "../control/chronicle.ts";
import type { PathSurroundings } from "../control/socket-path.ts";
import type { Command } from "../lifecycle/command.ts";
import type { ArbiterEvent } from "../lifecycle/event.ts";
import type { ErrorLog } from "../telemetry/error-log.ts";
import { ControlDesk, type DeskHands } from "./control-desk.ts";
import { openControlSocket } from "./control-place.ts";
import { ControlServer } from "./control-server.ts";
import type { ControlSocket } from "./control-socket.ts";
import { type PythonHalf, peerUser } from "./socket-peer.ts";

const ROOT = 0;
/** Each costs a process for a moment, and anybody may connect. */
const STRANGERS_MAX = 8;

/** What the settings say of the socket. */
interface Wish {
  readonly path: string;
  readonly mode: number;
  readonly disabled: boolean;
  /** Somebody has chosen the path: that it cannot be made is a warning then. */
  readonly chosen: boolean;
}

export interface ControlOptions extends Omit<DeskHands, "warn"> {
  readonly log: Pick<ErrorLog, "write">;
  readonly pythonHalf: () => PythonHalf;
}

export class Control {
  readonly #options: ControlOptions;
  readonly #chronicle: Chronicle;
  readonly #desk: ControlDesk;
  readonly #server: ControlServer;
  #socket: ControlSocket | undefined;
  /** What `#socket` was made for, or is being made for. */
  #wish: Wish | undefined;
  /** Opening and moving take their turns. */
  #work: Promise<void> = Promise.resolve();
  #closed = false;
  /** Connections of which it is not known yet who is behind them. */
  #strangers = 0;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#chronicle = new Chronicle(options.now());
    const warn = (text: string): void => options.log.write("error", text);
    this.#desk = new ControlDesk({ ...options, warn }, this.#chronicle);
    const fault = (error: unknown): void => warn(`control socket: ${error instanceof Error ? error.stack : error}`);
    this.#server = new ControlServer((line, args) => this.#desk.answer(line, args), fault);
  }

  /** A gateway's answer. */
  readonly onReport: (...answer: Parameters<ControlDesk["reports"]["answered"]>) => void = (answer) => this.#desk.reports.answered(answer);

  /** Call after every step, when its commands have been carried out. */
  follow(event: ArbiterEvent, commands: readonly Command[]): void {
    const { state } = this.#options;
    this.#chronicle.note(event, commands, state);
    this.#desk.lookAgain();
    if (state.phase.at !== "serving" && this.#wish === undefined) return;
    const reloaded = commands.some((command) => command.do === "apply-settings");
    if (this.#wish === undefined || reloaded) this.#followSettings();
    if (commands.some((command) => command.do === "promote")) this.#inTurn(() => this.#takeWantedName());
  }

  /** At the end of the master: takes away what it has made. */
  close(): void {
    this.#closed = true;
    this.#socket?.close();
    this.#server.close();
  }

  #followSettings(): void {
    const wish = wishOf(this.#options.resolved());
    const before = this.#wish;
    this.#wish = wish;
    if (before === undefined && wish.disabled) this.#options.log.write("debug", "Control socket disabled");
    this.#inTurn(async () => {
      const isSame = before !== undefined && before.path === wish.path && before.mode === wish.mode && before.disabled === wish.disabled;
      if (isSame && this.#socket?.isLost !== true) return;
      const old = this.#socket;
      // Its name may be the new one's.
      old?.close();
      this.#socket = wish.disabled ? undefined : await this.#open(wish);
      if (this.#closed) this.#socket?.close();
    });
  }

  #inTurn(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: Error) => this.#options.log.write("warning", `control socket: ${error.message}`));
  }

  async #open({ path, mode, chosen }: Wish): Promise<ControlSocket | undefined> {
    const { log } = this.#options;
    const level = chosen ? "warning" : "info";
    try {
      const { socket, instead } = await openControlSocket(
        path,
        mode,
        pathSurroundings(),
        (client) => this.#server.take(client),
        (client) => void this.#takeStranger(client),
      );
      const note = instead === undefined ? "" : `, ${instead}`;
      log.write(instead === undefined ? "info" : level, `Control socket listening at ${socket.path}${note}`);
      return socket;
    } catch (error) {
      log.write(level, `no control socket, ${(error as Error).message}`);
      return undefined;
    }
  }

  /** The abstract namespace knows no permissions: only this user and root are heard. */
  async #takeStranger(client: Parameters<ControlServer["take"]>[0]): Promise<void> {
    client.on("error", () => {});
    if (this.#strangers >= STRANGERS_MAX) {
      client.destroy();
      return;
    }
    this.#strangers += 1;
    const user = await peerUser(this.#options.pythonHalf(), client);
    this.#strangers -= 1;
    if (user !== undefined && (user === ROOT || user === process.geteuid?.())) this.#server.take(client);
    else client.destroy();
  }

  /** The master that had the name has ended. */
  async #takeWantedName(): Promise<void> {
    if ((await this.#socket?.takeWantedName()) !== true) return;
    this.#options.log.write("info", `Control socket listening at ${this.#socket?.path}`);
  }
}

function wishOf({ settings, origins }: ReturnType<DeskHands["resolved"]>): Wish {
  const { control_socket, control_socket_mode, control_socket_disable } = settings;
  return {
    path: control_socket ?? "",
    mode: control_socket_mode,
    disabled: control_socket_disable === true,
    chosen: origins.control_socket !== "default",
  };
}

function pathSurroundings(): PathSurroundings {
  return { env: process.env, uid: process.geteuid?.() ?? ROOT, home: homedir(), temporaryDirectory: tmpdir() };
}
