/** Asks gateways what they hold, and waits no longer for one than an operator would. */

import { type GatewayReport, type JoinedReport, joinReports } from "../control/gateway-report.ts";

/** A gateway that does not answer by then is busy or stuck, and the answer says so: what the arbiter knows is worth having without it. */
const ANSWER_MS = 1000;

/** A gateway that can be asked. */
export interface AskableGateway {
  readonly pid: number;
  send(message: object): void;
}

export class GatewayReports {
  readonly #waiting = new Map<number, (report: GatewayReport) => void>();
  #asked = 0;

  /** @returns undefined when there is no gateway. */
  async ask(gateways: readonly AskableGateway[]): Promise<JoinedReport | undefined> {
    if (gateways.length === 0) return undefined;
    return joinReports(await Promise.all(gateways.map(async (gateway) => [gateway.pid, await this.#askOne(gateway)] as const)));
  }

  #askOne(gateway: AskableGateway): Promise<GatewayReport | undefined> {
    this.#asked += 1;
    const ask = this.#asked;
    return new Promise((fulfil) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(ask);
        fulfil(undefined);
      }, ANSWER_MS);
      this.#waiting.set(ask, (report) => {
        clearTimeout(timer);
        fulfil(report);
      });
      gateway.send({ cmd: "report", ask });
    });
  }

  /** An answer has come. Both halves are built together: it has its fields. */
  answered(message: GatewayReport & { readonly ask: number }): void {
    this.#waiting.get(message.ask)?.(message);
    this.#waiting.delete(message.ask);
  }
}
