/** The parts of the package ws that do the framing, which it exports without documenting them; @types/ws does not know them. */
declare module "ws" {
  import type { Writable } from "node:stream";

  export interface Extensions {
    readonly [name: string]: PerMessageDeflate;
  }

  export interface ReceiverOptions {
    readonly isServer: boolean;
    readonly extensions: Extensions;
    /** 0 means no limit; 31 bits. */
    readonly maxPayload: number;
    readonly maxFragments: number;
  }

  /** Frames out of bytes. Emits `message` (bytes, isBinary), `ping`, `pong`, `conclude` (code, reason), `error` with a `code`. */
  export class Receiver extends Writable {
    constructor(options: ReceiverOptions);
    /** Where it is in a frame's head: 0 before it, 1 and 2 when a length of 16 and 64 bits has been read. */
    protected readonly _state: number;
    protected readonly _payloadLength: number;
    /** Of what has been written and not consumed. */
    protected readonly _bufferedBytes: number;
    /** The opcode of the message whose next piece is to come; 0 between messages. */
    protected readonly _fragmented: number;
    protected haveLength(done: (error?: Error) => void): void;
    protected createError(type: ErrorConstructor, message: string, prefix: boolean, statusCode: number, code: string): Error;
  }

  /** What a Sender writes to. */
  export interface FrameSink {
    destroyed: boolean;
    cork(): void;
    uncork(): void;
    write(bytes: Buffer, done?: () => void): void;
  }

  export interface SendOptions {
    readonly binary: boolean;
    readonly fin: boolean;
    readonly compress: boolean;
    readonly mask: false;
  }

  /** Bytes out of messages, in order, also when some of them are compressed. `done` may be called with an error when the sink is destroyed. */
  export class Sender {
    /** @returns The frame's head, and its payload unless that is empty. */
    static frame(
      data: Buffer,
      options: { readonly opcode: number; readonly fin: true; readonly rsv1: false; readonly mask: false },
    ): [Buffer, Buffer?];
    constructor(sink: FrameSink, extensions: Extensions);
    send(data: Buffer, options: SendOptions, done?: () => void): void;
    pong(data: Buffer, mask: false): void;
    /** @throws for a code that may not be sent, and a reason of more than 123 bytes. */
    close(code: number, reason: Buffer, mask: false, done?: () => void): void;
  }

  export type ExtensionOffers = Record<string, Record<string, (string | true)[]>[]>;

  export class PerMessageDeflate {
    static readonly extensionName: string;
    constructor(options: {
      readonly isServer: true;
      readonly serverMaxWindowBits: number;
      readonly clientMaxWindowBits?: number;
      readonly maxPayload: number;
      readonly zlibDeflateOptions: { readonly memLevel: number; readonly level: number };
    });
    /** @throws when none of the offers can be accepted. */
    accept(offers: Record<string, (string | true)[]>[]): Record<string, number | true>;
    cleanup(): void;
  }

  export const extension: {
    /** @throws {SyntaxError} */
    parse(header: string): ExtensionOffers;
    format(extensions: Record<string, Record<string, number | true>>): string;
  };
}
