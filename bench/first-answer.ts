import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { type HttpResponse, readHttpResponse } from "./http-response.ts";

/** Pause between two attempts: short against the 70 ms of the fastest start, long enough to leave the processor to the server. */
const RETRY_MS = 2;

/** Fetches `/` of 127.0.0.1 on a connection of its own. Rejects when that is refused, reset, or ends before the whole answer is there. */
function fetchOnce(port: number, byTls: boolean, signal: AbortSignal): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const address = { host: "127.0.0.1", port };
    // Whose certificate it is does not matter here.
    const socket = byTls ? connectTls({ ...address, rejectUnauthorized: false }) : createConnection(address);
    const giveUp = (): void => void socket.destroy(new Error("no answer in the time it was given"));
    signal.addEventListener("abort", giveUp);
    socket.on(byTls ? "secureConnect" : "connect", () =>
      socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`),
    );
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        const response = readHttpResponse(received);
        if (response === undefined) return;
        resolve(response);
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => {
      signal.removeEventListener("abort", giveUp);
      reject(new Error("the connection was closed before the answer was complete"));
    });
  });
}

/**
 * Asks a starting server until it gives a whole answer. Rejects with the last error when `signal` aborts first.
 *
 * A connection that is accepted by the kernel is not given up: the server answers it when its workers are there.
 */
export async function waitForFirstAnswer(port: number, byTls: boolean, signal: AbortSignal): Promise<HttpResponse> {
  for (;;) {
    try {
      return await fetchOnce(port, byTls, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      await sleep(RETRY_MS);
    }
  }
}
