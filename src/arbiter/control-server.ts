/** Clients of the control socket: frames in, answers out, the commands of one connection one after the other. */

import type { Socket } from "node:net";
import { COMMAND_BYTES_MAX, ControlFrameError, ControlFrameReader, controlFrame } from "../wire/control-frames.ts";

/** An operator has a few; a program that forgets to close its own shall not fill the master's memory. */
export const CONNECTIONS_MAX = 64;
/** As Gunicorn: a connection that says nothing for so long is closed. */
const IDLE_MS = 300_000;

/** An answer without `id`: Gunicorn's, `{status: "ok", data}` or `{status: "error", error}`. */
export type Answer = { readonly status: "ok"; readonly data: object } | { readonly status: "error"; readonly error: string };

/** Makes the answer to one command. Does not throw. @param args  As it was in the JSON. */
export type Answerer = (line: string, args: unknown) => Promise<Answer>;

export class ControlServer {
  readonly #answer: Answerer;
  readonly #fault: (error: unknown) => void;
  readonly #idleMs: number;
  readonly #connections = new Set<Socket>();

  /** @param idleMs  For tests. @param fault  Gets an error that should not have been possible: it ends one connection, never the master. */
  constructor(answer: Answerer, fault: (error: unknown) => void, idleMs = IDLE_MS) {
    this.#answer = answer;
    this.#idleMs = idleMs;
    this.#fault = fault;
  }

  /** Takes a connection, which has not been read from. */
  take(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#connections.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    void this.#serve(socket);
  }

  /** At the end of the master. */
  close(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const reader = new ControlFrameReader(COMMAND_BYTES_MAX);
    try {
      for await (const chunk of socket.setTimeout(this.#idleMs, () => socket.destroy())) {
        reader.feed(chunk as Buffer);
        for (let request = reader.next(); request !== undefined; request = reader.next()) {
          // However long it takes: nothing else is read meanwhile.
          socket.setTimeout(0);
          if (!(await this.#serveOne(socket, request))) return;
          socket.setTimeout(this.#idleMs);
        }
      }
    } catch (error) {
      // Of ours is what is no frame, of the system that the client has gone. Gunicorn does not answer either of them.
      if (!(error instanceof ControlFrameError) && !isOfTheSystem(error)) this.#fault(error);
    } finally {
      socket.end();
      socket.destroySoon();
    }
  }

  /** @returns false for a request that is none. */
  async #serveOne(socket: Socket, { id = 0, command = "", args }: Readonly<Record<string, unknown>>): Promise<boolean> {
    if (typeof command !== "string") return false;
    const answer = await this.#answer(command, args);
    if (!socket.writable) return false;
    // A client that does not read holds one of the places no longer than one that says nothing.
    socket.setTimeout(this.#idleMs);
    await new Promise<void>((fulfil) => {
      socket.once("close", fulfil);
      socket.write(frameOf(id, answer), () => {
        socket.off("close", fulfil);
        fulfil();
      });
    });
    return true;
  }
}

function frameOf(id: unknown, answer: Answer): Buffer {
  try {
    return controlFrame({ id, ...answer });
  } catch (error) {
    if (!(error instanceof ControlFrameError)) throw error;
    return controlFrame({ id, status: "error", error: `Command failed: ${error.message}` });
  }
}

function isOfTheSystem(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).code === "string";
}
