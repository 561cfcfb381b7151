import { join, writePacket, type Part } from "./packets.js";

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

/** The size of messages, at most. The other side reads them in any split. */
const MESSAGE = 65_536;
/** How many bytes are given to the socket, which cannot be taken back, nor overtaken. */
export const SOCKET_BUFFER = 1 << 20;
/** How long the socket may take nothing. */
const STALL_MS = 30_000;
/** How many bytes may wait: calls wait earlier, but not answers, credit, and the like. */
const MAX_UNSENT = 64 << 20;
/** The memory that a packet takes besides its bytes. */
const PACKET_COST = 128;

/** Sends packets over a socket, many in one message, and holds back those that the socket has no room for. */
export class Sender {
  readonly #socket: WebSocketLike;
  readonly #fail: (reason: string) => void;
  /** Packets, or parts of them, of at most `MESSAGE` bytes. */
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  #queued = 0;
  #isScheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The bytes in the socket when it was last looked at, and when it last took some. */
  #buffered = 0;
  #progress = 0;
  #waiting: { limit: number; resolve: () => void }[] = [];
  #isEnded = false;

  constructor(socket: WebSocketLike, fail: (reason: string) => void) {
    this.#socket = socket;
    this.#fail = fail;
  }

  /** Bytes that have not left this process, as far as the socket tells. */
  get unsent(): number {
    return this.#queued + this.#socket.bufferedAmount;
  }

  send(type: number, ...parts: Part[]): void {
    if (this.#isEnded) return;
    const packet = writePacket(type, ...parts);
    for (let at = 0; at < packet.length; at += MESSAGE) {
      this.#queue.push(packet.subarray(at, at + MESSAGE));
      this.#queued += PACKET_COST;
    }
    this.#queued += packet.length;
    if (this.unsent > MAX_UNSENT) this.#fail("the other side does not read");
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // What is made in the same turn leaves in the same message.
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#isEnded) return;
    const queue = this.#queue;
    const now = Date.now();
    if (this.#socket.bufferedAmount < this.#buffered || !this.#buffered) this.#progress = now;
    let end = 0;
    while (end < queue.length && this.#socket.bufferedAmount < SOCKET_BUFFER) {
      const start = end;
      let size = 0;
      while (end < queue.length && size + queue[end]!.length <= MESSAGE) size += queue[end++]!.length;
      this.#queued -= size + (end - start) * PACKET_COST;
      this.#socket.send(join(...queue.slice(start, end)));
    }
    queue.splice(0, end);
    this.#buffered = this.#socket.bufferedAmount;
    const { unsent } = this;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ limit }) => unsent > limit);
    for (const { limit, resolve } of waiting) if (unsent <= limit) resolve();
    if (now - this.#progress > STALL_MS) return this.#fail("the other side does not read");
    // Sockets do not tell when they have room.
    this.#isScheduled = queue.length + this.#waiting.length > 0;
    if (this.#isScheduled) this.#timer = setTimeout(() => this.#flush(), 4);
  }

  /** Waits until at most `limit` bytes are unsent. */
  async room(limit: number): Promise<void> {
    if (this.#isEnded || this.unsent <= limit) return;
    const wait = new Promise<void>((resolve) => this.#waiting.push({ limit, resolve }));
    if (!this.#isScheduled) this.#flush();
    await wait;
  }

  /** Sends what is left as far as the socket takes it, and then nothing more. */
  end(): void {
    if (this.#isEnded) return;
    if (this.#socket.readyState === 1) this.#flush();
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#queue.length = this.#queued = 0;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

/** The longest time of timers, in milliseconds. A longer one is as good as none. */
export const MAX_TIMER = 0x7fff_ffff;

/** Calls `interrupt` when `signal` is aborted, or with the error of `late` after `time` milliseconds. Returns a function that ends this. */
export function watch(interrupt: (reason: unknown) => void, time: number | undefined, late: () => Error, signal?: AbortSignal): () => void {
  const abort = () => interrupt(signal!.reason);
  signal?.addEventListener("abort", abort);
  const timer = time! <= MAX_TIMER ? setTimeout(() => interrupt(late()), time) : undefined;
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
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
