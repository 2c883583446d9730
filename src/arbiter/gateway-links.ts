/** The control sockets of all gateways, by their index. */

import type { GatewayReport } from "../control/gateway-report.ts";
import type { GatewayEvent } from "../lifecycle/messages.ts";
import { GatewayLink } from "./gateway-link.ts";
import type { Monitor } from "./monitor.ts";
import { gatewayEvent } from "./received.ts";

/** What a gateway answers to `report`. */
export type GatewayAnswer = GatewayReport & { readonly ask: number };

/** Who hears what gateways say. */
export interface GatewayListener {
  /** For the mind. */
  said(gateway: number, said: GatewayEvent): void;
  /** A gateway is gone, or speaks nonsense. Not called for one that was dropped. */
  closed(pid: number): void;
  /** The answer to a question of the hands. */
  reported(report: GatewayAnswer): void;
  readonly monitor: Pick<Monitor, "takes" | "gatewayGone">;
}

export class GatewayLinks {
  readonly #links = new Map<number, GatewayLink>();
  readonly #listener: GatewayListener;

  constructor(listener: GatewayListener) {
    this.#listener = listener;
  }

  /** Takes the place of the one that had this index. @param handle  As it came from the nursery. */
  connect(gateway: number, pid: number, handle: unknown): void {
    this.drop(gateway);
    const { monitor } = this.#listener;
    const link: GatewayLink = new GatewayLink(
      handle,
      pid,
      (message) => this.#hear(gateway, link, message),
      () => this.#listener.closed(pid),
      () => monitor.gatewayGone(pid),
    );
    this.#links.set(gateway, link);
  }

  #hear(gateway: number, link: GatewayLink, message: unknown): void {
    // Counters count after the link was closed, too.
    if (this.#listener.monitor.takes(link.pid, message, (answer) => link.send(answer)) || link.closed) return;
    const said = gatewayEvent(message);
    if (said?.ev === "report") this.#listener.reported(message as GatewayAnswer);
    else if (said !== undefined) this.#listener.said(gateway, said);
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
