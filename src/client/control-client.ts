/** One connection to a control socket, ours or Gunicorn's. */

import { connect, type Socket } from "node:net";
import { getSystemErrorMap } from "node:util";
import type { AnswerData } from "../control/format.ts";
import { ANSWER_BYTES_MAX, ControlFrameReader, controlFrame } from "../wire/control-frames.ts";

/** As Gunicorn's client. */
const ANSWER_MS = 30_000;

/** Text for the user. */
export class ControlClientError extends Error {
  override readonly name = "ControlClientError";
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #reader = new ControlFrameReader(ANSWER_BYTES_MAX);
  #asked = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param path  `"@name"` for the abstract namespace of Linux. @throws {ControlClientError} in Gunicorn's words. */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((fulfil, reject) => {
      const socket = connect({ path: path.startsWith("@") ? `\0${path.slice(1)}` : path });
      const refuse = (error: Error): void => {
        socket.destroy();
        reject(new ControlClientError(`Failed to connect to ${path}: ${inPythonsWords(error)}`));
      };
      socket.once("error", refuse);
      socket.once("connect", () => {
        socket.off("error", refuse).on("error", () => {});
        fulfil(new ControlClient(socket));
      });
    });
  }

  /**
   * Sends one command and waits for its answer; one at a time.
   *
   * @param answerMs  Infinity: without end.
   * @returns `data` of the answer.
   * @throws {ControlClientError} the server's text, or what is wrong with the connection, which is of no more use then.
   */
  async ask(command: string, answerMs = ANSWER_MS): Promise<AnswerData> {
    this.#asked += 1;
    this.#socket.write(controlFrame({ id: this.#asked, command, args: [] }));
    const answer = await this.#nextAnswer(answerMs);
    if (answer.status === "error") throw new ControlClientError(String(answer.error ?? "Unknown error"));
    return (answer.data ?? {}) as AnswerData;
  }

  /** The server has closed it, or it is closed here. */
  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #nextAnswer(answerMs: number): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((fulfil, reject) => {
      const socket = this.#socket;
      const leave = (): void => {
        clearTimeout(timer);
        socket.off("data", onData).off("close", onClose).off("end", onClose);
      };
      const fail = (text: string): void => {
        leave();
        socket.destroy();
        reject(new ControlClientError(`Communication error: ${text}`));
      };
      const onClose = (): void => fail("Connection closed");
      const onData = (chunk: Buffer): void => {
        this.#reader.feed(chunk);
        try {
          const answer = this.#reader.next();
          if (answer === undefined) return;
          leave();
          fulfil(answer);
        } catch (error) {
          fail((error as Error).message);
        }
      };
      const timer = answerMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => fail("timed out"), answerMs);
      socket.on("data", onData).on("close", onClose).on("end", onClose);
      if (socket.destroyed) onClose();
    });
  }
}

/** @returns `"[Errno 2] No such file or directory"` */
function inPythonsWords(error: NodeJS.ErrnoException): string {
  const [, text] = getSystemErrorMap().get(error.errno ?? 0) ?? [];
  if (text === undefined || error.errno === undefined) return error.message;
  return `[Errno ${-error.errno}] ${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
