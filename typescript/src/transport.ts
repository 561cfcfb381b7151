import { LimitError } from "./errors.js";

/** The part of the interface of `WebSocket` that is used. The class of browsers has it, and that of the package `ws`. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "message" | "error" | "close", listener: (event: any) => void): void;
}

/** A constructor of WebSockets. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;

/** The size of messages. The other side reads them in any split. */
const MESSAGE = 65_536;
/** How many bytes are given to the socket, which cannot be taken back, nor overtaken. */
const SOCKET_BUFFER = 1 << 20;
/** How long the socket may take nothing. */
const STALL_MS = 30_000;
/** How many bytes that are not calls may wait: answers, credit, and the like. */
const MAX_UNSENT = 64 << 20;

/** Sends packets over a socket, many in one message, and holds back those that the socket has no room for. */
export class Sender {
  readonly #socket: WebSocketLike;
  readonly #fail: (reason: string) => void;
  /** Messages. The last may have room. */
  #messages: Uint8Array<ArrayBuffer>[] = [];
  #lastLength = 0;
  #queued = 0;
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the socket held when it was last looked at, and when it last held less. */
  #buffered = 0;
  #progress = 0;
  #waiting: { limit: number; resolve: () => void }[] = [];
  #ended = false;

  constructor(socket: WebSocketLike, fail: (reason: string) => void) {
    this.#socket = socket;
    this.#fail = fail;
  }

  /** Bytes that have not left this process, as far as the socket tells. */
  get unsent(): number {
    return this.#queued + this.#socket.bufferedAmount;
  }

  write(packet: Uint8Array<ArrayBuffer>): void {
    if (this.#ended) return;
    if (this.unsent > MAX_UNSENT) {
      this.#fail(`the other side does not read: ${this.unsent} bytes wait to be sent`);
      return;
    }
    this.#queued += packet.length;
    const last = this.#messages.at(-1);
    if (last && this.#lastLength + packet.length <= last.length) {
      last.set(packet, this.#lastLength);
      this.#lastLength += packet.length;
    } else if (packet.length <= MESSAGE / 16) {
      this.#trim();
      const message = new Uint8Array(this.#messages.length ? MESSAGE : MESSAGE / 16);
      message.set(packet);
      this.#messages.push(message);
      this.#lastLength = packet.length;
    } else {
      this.#trim();
      for (let at = 0; at < packet.length; at += MESSAGE) this.#messages.push(packet.subarray(at, at + MESSAGE));
      this.#lastLength = this.#messages.at(-1)!.length;
    }
    if (!this.#scheduled && this.#timer === undefined) {
      this.#scheduled = true;
      // What is made in the same turn leaves in the same message.
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
  }

  /** Cuts the last message to the bytes in it. */
  #trim(): void {
    const last = this.#messages.pop();
    if (last) this.#messages.push(last.subarray(0, this.#lastLength));
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#ended) return;
    this.#trim();
    let sent = 0;
    while (sent < this.#messages.length && this.#socket.bufferedAmount < SOCKET_BUFFER) {
      const message = this.#messages[sent++]!;
      this.#queued -= message.length;
      this.#socket.send(message);
    }
    this.#messages.splice(0, sent);
    this.#wake();
    if (this.#messages.length || this.#waiting.length) this.#poll(sent > 0);
  }

  /** Looks again later: sockets do not tell when they have room. */
  #poll(progress: boolean): void {
    const now = Date.now();
    const buffered = this.#socket.bufferedAmount;
    if (progress || buffered < this.#buffered) this.#progress = now;
    else if (now - this.#progress > STALL_MS) {
      this.#fail(`the other side has read nothing for ${STALL_MS / 1000} s`);
      return;
    }
    this.#buffered = buffered;
    this.#timer ??= setTimeout(() => this.#flush(), 4);
  }

  #wake(): void {
    const unsent = this.unsent;
    const ready = this.#waiting.filter(({ limit }) => unsent <= limit);
    if (!ready.length) return;
    this.#waiting = this.#waiting.filter(({ limit }) => unsent > limit);
    for (const { resolve } of ready) resolve();
  }

  /** Waits until at most `limit` bytes are unsent. */
  room(limit: number): Promise<void> {
    if (this.#ended || this.unsent <= limit) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ limit, resolve });
      if (!this.#scheduled) this.#poll(true);
    });
  }

  /** Sends what is left as far as the socket takes it, and then nothing more. */
  end(): void {
    if (this.#ended) return;
    if (this.#socket.readyState === 1) this.#flush();
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#messages = [];
    this.#queued = 0;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

const later: (() => void)[] = [];
let port: MessagePort | undefined;

/** Runs `task` after what is already going on, such as a chain of promises, but without the delay of a timer. */
export function soon(task: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (task: () => void) => void };
  if (setImmediate) {
    setImmediate(task);
    return;
  }
  if (!port) {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => later.shift()!();
    port = channel.port2;
  }
  later.push(task);
  port.postMessage(0);
}

/** Refuses `length` bytes over `limit`. */
export function checkSize(subject: string, length: number, limit: number): void {
  if (length > limit) throw new LimitError(`${subject} has ${length} bytes, over the limit of ${limit} bytes`);
}
