/** The gateway process: told by the arbiter and the nursery, from its start to the fault that nothing else contains. */

import type { Settings } from "../settings/table.ts";
import { ErrorLog } from "../telemetry/error-log.ts";
import { ConfiguredGateway, type GatewayDescriptors, type NurseryMessage } from "./configured-gateway.ts";
import { ControlChannel, type GatewayCommand } from "./control-channel.ts";
import { describeError } from "./gateway-logs.ts";

/** Exit code after a fault of ours. */
const FAULT_CODE = 1;

export class Gateway {
  readonly #descriptors: GatewayDescriptors;
  readonly #control: ControlChannel;
  /** What came from the nursery before the arbiter's settings. */
  #waiting: [NurseryMessage, unknown][] | undefined = [];
  #configured: ConfiguredGateway | undefined;

  constructor(descriptors: GatewayDescriptors) {
    this.#descriptors = descriptors;
    this.#control = new ControlChannel(
      descriptors.controlFd,
      (command) => this.#onCommand(command),
      () => process.exit(0),
    );
  }

  onNurseryMessage(message: NurseryMessage, handle: unknown): void {
    if (this.#waiting !== undefined) this.#waiting.push([message, handle]);
    else this.#configured?.onNurseryMessage(message, handle);
  }

  /**
   * The last guard: a fault that no connection contained has left nobody knows what behind. Another gateway begins afresh, and the
   * arbiter, which starts it, makes it wait longer after each that dies young.
   */
  fail(error: unknown): void {
    const text = `gateway fault outside connections, leaving\n${describeError(error)}`;
    if (this.#configured !== undefined) this.#configured.lastWords(text);
    else new ErrorLog({ output: "-", level: "critical", pid: process.pid }).write("critical", text);
    process.exit(FAULT_CODE);
  }

  #onCommand(command: GatewayCommand): void {
    if (command.cmd !== "configure") {
      this.#configured?.onCommand(command);
      return;
    }
    // The arbiter sends the resolved settings of the one table, as JSON.
    const settings = command.settings as unknown as Settings;
    if (this.#configured !== undefined) {
      this.#configured.change(settings, command.tls, command.python);
      return;
    }
    this.#configured = new ConfiguredGateway(this.#descriptors, this.#control, settings, command.tls);
    this.#configured.followStatsd(settings, command.python);
    if (command.hold === true) this.#configured.sayUp();
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const [message, handle] of waiting) this.#configured.onNurseryMessage(message, handle);
  }
}
