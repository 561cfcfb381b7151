import { ChirpError, DecodeError, FrameworkError, StreamError, frameworkCodes } from "./errors.js";
import { parseJson, writeJson } from "./json.js";
import { packetType, writeErrorData, Writer, type ErrorData } from "./packets.js";
import { soon, type Sender } from "./transport.js";
import type { Type } from "./types.js";

/** Values that are given one after another: the arguments of clients and the results of handlers that are streams. */
export type Items<T> = AsyncIterable<T> | Iterable<T>;

/** Values that arrive one after another. Leaving a `for await` loop early cancels the stream. */
export interface ItemStream<T> extends AsyncIterableIterator<T> {
  /** Waits until the stream has begun: the method has returned it. */
  ready(): Promise<void>;
  /** Tells the other side that no more items are wanted. */
  cancel(): void;
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
}

/** What an item costs besides its bytes (PROTOCOL.md, section 10.6). */
const ITEM_COST = 16;
/** The credit of a stream at the start, and at most. */
export const WINDOW = 16_384;
const MAX_WINDOW = 1 << 20;
/** The windows of all streams of a connection together. */
export const MAX_WINDOWS = 32 << 20;
/** The reasons for the end of a stream. */
export const endReason = { finished: 0, failed: 1, cancelled: 2, refused: 3 } as const;
/** How many bytes may be unsent before a stream waits, so that calls and answers are not far behind its items. */
const MAX_AHEAD = 65_536;
/** The payload of a packet with several items, at most. */
const MAX_BATCH = 16_384;

const encoder = new TextEncoder();

/** The bytes that the streams of a connection hold and have promised to take. */
export interface StreamBudget {
  windows: number;
  held: number;
}

/** The receiving end of a stream. */
export class Receiver<T> implements ItemStream<T> {
  /** The id, as this side writes it. */
  readonly id: number;
  readonly #type: Type<T>;
  readonly #name: string;
  readonly #sender: Sender;
  readonly #budget: StreamBudget;
  readonly #stop: () => void;
  #items: Uint8Array[] = [];
  #first = 0;
  /** The cost of the items that have not been taken. */
  #cost = 0;
  #waiting: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (error: unknown) => void }[] = [];
  #received = 0n;
  #window = WINDOW;
  /** The credit that the sending side has. */
  #credit = WINDOW;
  #ended = false;
  #cancelled = false;
  #error: unknown;
  #begun!: () => void;
  #notBegun!: (error: unknown) => void;
  readonly #ready: Promise<void>;

  /** `stop` is called when no more items are wanted, and the stream has not ended. */
  constructor(id: number, type: Type<T>, name: string, sender: Sender, budget: StreamBudget, stop: () => void) {
    this.id = id;
    this.#type = type;
    this.#name = name;
    this.#sender = sender;
    this.#budget = budget;
    this.#stop = stop;
    budget.windows += WINDOW;
    this.#ready = new Promise((resolve, reject) => {
      this.#begun = resolve;
      this.#notBegun = reject;
    });
    this.#ready.catch(() => {});
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** The number of items that have come. */
  get received(): bigint {
    return this.#received;
  }

  /** Takes items that have come. Returns whether the sending side had credit for them. */
  push(items: Uint8Array[]): boolean {
    this.#begun();
    for (const item of items) {
      this.#received++;
      if (this.#cancelled || this.#ended) continue;
      if (this.#credit <= 0) return false;
      this.#credit -= item.length + ITEM_COST;
      this.#cost += item.length + ITEM_COST;
      this.#budget.held += item.length;
      this.#items.push(item);
    }
    this.#serve();
    return true;
  }

  /** Ends the stream: after the items that have come, the consumer sees `error`, or the end. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#budget.windows -= this.#window;
    if (error === undefined) this.#begun();
    else this.#notBegun(error);
    this.#serve();
  }

  /** Grants the first credit of a stream that was opened without. */
  grantFirst(): void {
    this.#sender.write(new Writer().u32(this.id).u32(WINDOW).packet(packetType.credit));
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    while (this.#take() !== undefined);
    this.#notBegun(new StreamError(`the stream of ${this.#name} was cancelled`));
    if (!this.#ended) this.#stop();
    this.#serve();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): Uint8Array | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#first++;
    if (this.#first === this.#items.length || this.#first > 1024) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    this.#cost -= item.length + ITEM_COST;
    this.#budget.held -= item.length;
    return item;
  }

  #serve(): void {
    while (this.#waiting.length) {
      const item = this.#take();
      if (item === undefined && !this.#ended && !this.#cancelled) return;
      const { resolve, reject } = this.#waiting.shift()!;
      if (item === undefined) {
        const error = this.#cancelled ? undefined : this.#error;
        this.#error = undefined;
        if (error === undefined) resolve({ done: true, value: undefined });
        else reject(error);
        continue;
      }
      try {
        const value = decode(this.#type, item, `item of ${this.#name}`);
        this.#giveBack();
        resolve({ done: false, value });
      } catch (error) {
        this.cancel();
        reject(error);
      }
    }
  }

  /** Grants credit when half of the window is used, and a larger window to a consumer that keeps up. */
  #giveBack(): void {
    const used = this.#window - this.#credit - this.#cost;
    if (this.#ended || used < this.#window / 2) return;
    let grant = used;
    if (!this.#cost && this.#window < MAX_WINDOW && this.#budget.windows + this.#window <= MAX_WINDOWS) {
      grant += this.#window;
      this.#budget.windows += this.#window;
      this.#window *= 2;
    }
    this.#credit += grant;
    this.#sender.write(new Writer().u32(this.id).u32(grant).packet(packetType.credit));
  }
}

/** Reads a value from the bytes of its JSON. */
export function decode<T>(type: Type<T>, json: Uint8Array, subject: string): T {
  try {
    return type.read(parseJson(new TextDecoder("utf-8", { fatal: true }).decode(json)), subject);
  } catch (error) {
    throw error instanceof ChirpError ? error : new DecodeError(`${subject}: ${(error as Error).message}`);
  }
}

/** Writes a value as the bytes of its JSON. */
export function encode<T>(type: Type<T>, value: T, subject: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(writeJson(type.write(value, subject)));
}

/** The sending end of a stream. */
export class Emitter {
  /** The id, as this side writes it. */
  readonly id: number;
  readonly #sender: Sender;
  #credit: number;
  #count = 0n;
  #stopped = false;
  #wake: (() => void) | undefined;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** Items that have not been written, since others may be ready at once. */
  #batch: Uint8Array[] = [];
  #batchSize = 0;

  constructor(id: number, sender: Sender, credit: number) {
    this.id = id;
    this.#sender = sender;
    this.#credit = credit;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  grant(credit: number): void {
    this.#credit = Math.min(this.#credit + credit, 0x7fff_ffff);
    if (this.#credit > 0) this.#wake?.();
  }

  /** Makes no more items: the receiving side wants none, or the stream is over. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#wake?.();
    try {
      // A generator that waits sees this when it goes on.
      void Promise.resolve(this.#iterator?.return?.()).catch(() => {});
    } catch {
      // The source has failed in ending. Nobody is interested.
    }
  }

  /** Sends the items of `source` until it ends or the stream is stopped. Rejects if the source or an item fails. */
  async pump<T>(source: Items<T>, type: Type<T>, name: string, maxPayload: number): Promise<void> {
    const asynchronous = (source as AsyncIterable<T>)[Symbol.asyncIterator]?.();
    this.#iterator = asynchronous ?? (source as Iterable<T>)[Symbol.iterator]();
    try {
      while (!this.#stopped) {
        await this.#turn();
        if (this.#stopped) return;
        const { done, value } = await (this.#iterator as AsyncIterator<T>).next();
        if (done || this.#stopped) return;
        const item = encode(type, value, `item of ${name}`);
        if (item.length > maxPayload - 10) {
          const text = `an item of ${name} has ${item.length} bytes, over the limit of the other side`;
          throw new FrameworkError(frameworkCodes.invalidResult, text);
        }
        this.#credit -= item.length + ITEM_COST;
        this.#count++;
        this.#add(item);
      }
    } catch (error) {
      // An item that cannot be sent ends the source, too.
      this.stop();
      throw error;
    } finally {
      this.#flush();
    }
  }

  #add(item: Uint8Array): void {
    if (6 + this.#batchSize + 4 + item.length > MAX_BATCH) this.#flush();
    this.#batch.push(item);
    this.#batchSize += 4 + item.length;
    if (this.#batchSize > MAX_BATCH) this.#flush();
    else if (this.#batch.length === 1) soon(() => this.#flush());
  }

  #flush(): void {
    if (!this.#batch.length) return;
    const writer = new Writer().u32(this.id).u16(this.#batch.length);
    for (const item of this.#batch) writer.u32(item.length).bytes(item);
    this.#batch = [];
    this.#batchSize = 0;
    this.#sender.write(writer.packet(packetType.items));
  }

  /** Drops the items that have not been written. */
  drop(): void {
    this.#batch = [];
  }

  /** Waits for credit, and for room in the socket. */
  async #turn(): Promise<void> {
    while (this.#credit <= 0 && !this.#stopped) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    if (this.#sender.unsent > MAX_AHEAD) await this.#sender.room(MAX_AHEAD);
  }

  /** Sends the end. */
  end(reason: number, error?: ErrorData): void {
    this.#flush();
    sendEnd(this.#sender, this.id, reason, this.#count, error);
  }
}

/** Sends the end of a stream, from either side. */
export function sendEnd(sender: Sender, id: number, reason: number, count: bigint, error?: ErrorData): void {
  const writer = new Writer().u32(id).u8(reason).u64(count);
  if (error) writeErrorData(writer, error);
  sender.write(writer.packet(packetType.end));
}
