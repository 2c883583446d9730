/** The control sockets of all gateways, by their index. */

import type { GatewayReport } from "../control/gateway-report.ts";
import type { GatewayEvent } from "../lifecycle/messages.ts";
import { GatewayLink } from "./gateway-link.ts";
import { gatewayEvent } from "./received.ts";

/** What a gateway answers to `report`. */
export type GatewayAnswer = GatewayReport & { readonly ask: number };

export class GatewayLinks {
  readonly #links = new Map<number, GatewayLink>();
  readonly #onSaid: (gateway: number, said: GatewayEvent) => void;
  readonly #onClosed: (pid: number) => void;
  readonly #onReport: (report: GatewayAnswer) => void;

  /**
   * @param onClosed  A gateway is gone, or speaks nonsense. Not called for one that was dropped.
   * @param onReport  The answer to a question of the hands, which the mind need not see.
   */
  constructor(
    onSaid: (gateway: number, said: GatewayEvent) => void,
    onClosed: (pid: number) => void,
    onReport: (report: GatewayAnswer) => void,
  ) {
    this.#onSaid = onSaid;
    this.#onClosed = onClosed;
    this.#onReport = onReport;
  }

  /** Takes the place of the one that had this index. @param handle  As it came from the nursery. */
  connect(gateway: number, pid: number, handle: unknown): void {
    this.drop(gateway);
    const onMessage = (message: unknown): void => {
      const said = gatewayEvent(message);
      if (said?.ev === "report") this.#onReport(message as GatewayAnswer);
      else if (said !== undefined) this.#onSaid(gateway, said);
    };
    this.#links.set(gateway, new GatewayLink(handle, pid, onMessage, () => this.#onClosed(pid)));
  }

  /** To one that has gone it is lost. */
  tell(gateway: number, message: object): void {
    this.#links.get(gateway)?.send(message);
  }

  get all(): readonly GatewayLink[] {
    return [...this.#links.values()];
  }

  tellAll(message: object): void {
    for (const link of this.#links.values()) link.send(message);
  }

  drop(gateway: number): void {
    this.#links.get(gateway)?.close();
    this.#links.delete(gateway);
  }
}
