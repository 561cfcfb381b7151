import { ChirpError, DecodeError, overLimit, StreamError } from "./errors.js";
import { parseJson, writeJson } from "./json.js";
import { decodeText, detached, encodeText, CREDIT, ITEMS, STREAM_END, u16, u32, u64, u8, writeErrorData, type ErrorData } from "./packets.js";
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

/** An item costs this besides its bytes (PROTOCOL.md, section 10.6). */
const ITEM_COST = 16;
/** The credit of a stream at the start, and at most. */
export const WINDOW = 16_384;
const MAX_WINDOW = 1 << 20;
/** What the windows of all streams of a connection may grow by together. */
const MAX_GROWTH = 32 << 20;
/** The reasons for the end of a stream. */
export const FINISHED = 0;
export const FAILED = 1;
export const CANCELLED = 2;
export const REFUSED = 3;
/** How many bytes may be unsent before a stream waits, so that calls and answers are not far behind its items. */
const MAX_AHEAD = 65_536;
/** The items of a packet that has several, with their lengths, at most. */
const MAX_BATCH = 16_384 - 6;

const done = { done: true, value: undefined } as const;

/** The bytes that the streams of a connection hold and have promised to take. */
export interface StreamBudget {
  growth: number;
  held: number;
}

/** A promise and its functions. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((...functions) => ([resolve, reject] = functions));
  // It may be that nobody asks.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** The receiving end of a stream. */
export class Receiver<T> implements ItemStream<T> {
  readonly #type: Type<T>;
  readonly #name: string;
  readonly #items: Uint8Array[] = [];
  readonly #waiting: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (error: unknown) => void }[] = [];
  readonly #begun = deferred<void>();
  #sender: Sender | undefined;
  #budget: StreamBudget = { growth: 0, held: 0 };
  /** The id, as this side writes it. */
  id = 0;
  /** The number of items that have come. */
  received = 0n;
  isEnded = false;
  isCancelled = false;
  /** Is called when no more items are wanted, and the stream has not ended. */
  onCancel: () => void = () => {};
  #error: unknown;
  #window = WINDOW;
  /** The credit that the sending side has. */
  #credit = WINDOW;
  /** The cost of the items that have not been taken. */
  #cost = 0;

  /** Creates a stream that has not been opened. */
  constructor(type: Type<T>, name: string) {
    this.#type = type;
    this.#name = name;
  }

  /** Opens the stream on a connection. */
  open(id: number, sender: Sender, budget: StreamBudget): void {
    this.id = id;
    this.#sender = sender;
    this.#budget = budget;
  }

  /** Takes items that have come. Returns whether the sending side had credit for them. */
  push(items: Uint8Array[]): boolean {
    this.#begun.resolve();
    for (const item of items) {
      this.received++;
      if (this.isCancelled || this.isEnded) continue;
      if (this.#credit <= 0) return false;
      this.#credit -= item.length + ITEM_COST;
      this.#cost += item.length + ITEM_COST;
      this.#budget.held += item.length;
      this.#items.push(detached(item));
    }
    this.#serve();
    return true;
  }

  /** Ends the stream: after the items that have come, the consumer sees `error`, or the end. */
  end(error?: unknown): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#error = error;
    this.#budget.growth -= this.#window - WINDOW;
    if (error) this.#begun.reject(error);
    else this.#begun.resolve();
    this.#serve();
  }

  ready(): Promise<void> {
    return this.#begun.promise;
  }

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    for (const item of this.#items.splice(0)) this.#budget.held -= item.length;
    this.#begun.reject(new StreamError(`the stream of ${this.#name} was cancelled`));
    if (!this.isEnded) this.onCancel();
    this.#serve();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.cancel();
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #serve(): void {
    while (this.#waiting.length && (this.#items.length || this.isEnded || this.isCancelled)) {
      const { resolve, reject } = this.#waiting.shift()!;
      const item = this.#items.shift();
      if (item) {
        this.#cost -= item.length + ITEM_COST;
        this.#budget.held -= item.length;
        try {
          resolve({ done: false, value: decode(this.#type, item, `item of ${this.#name}`) });
          this.#giveBack();
        } catch (error) {
          this.cancel();
          reject(error);
        }
      } else {
        const error = this.isCancelled ? undefined : this.#error;
        this.#error = undefined;
        if (error) reject(error);
        else resolve(done);
      }
    }
  }

  /** Grants credit when half of the window is used, and a larger window to a consumer that keeps up. */
  #giveBack(): void {
    let grant = this.#window - this.#credit - this.#cost;
    if (this.isEnded || grant < this.#window / 2) return;
    if (!this.#cost && this.#window < MAX_WINDOW && this.#budget.growth + this.#window <= MAX_GROWTH) {
      grant += this.#window;
      this.#budget.growth += this.#window;
      this.#window *= 2;
    }
    this.#credit += grant;
    this.grant(grant);
  }

  grant(credit: number): void {
    this.#sender?.send(CREDIT, u32(this.id), u32(credit));
  }
}

/** Reads a value from the bytes of its JSON. */
export function decode<T>({ convert }: Type<T>, json: Uint8Array, subject: string): T {
  try {
    return convert(parseJson(decodeText(json, true)), subject, false);
  } catch (error) {
    throw error instanceof ChirpError ? error : new DecodeError(`${subject}: ${error}`);
  }
}

/** Writes a value as the bytes of its JSON. */
export function encode<T>({ convert }: Type<T>, value: T, subject: string): Uint8Array<ArrayBuffer> {
  return encodeText(writeJson(convert(value, subject, true)));
}

/** The sending end of a stream. */
export class Emitter {
  /** The id, as this side writes it. */
  readonly id: number;
  readonly #sender: Sender;
  #credit: number;
  #count = 0n;
  isStopped = false;
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

  grant(credit: number): void {
    this.#credit = Math.min(this.#credit + credit, 0x7fff_ffff);
    this.#wake?.();
  }

  /** Makes no more items: the receiving side wants none, or the stream is over. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.#wake?.();
    this.#return();
  }

  /** Ends the source. A generator that waits sees this when it goes on. It may fail, which is of no interest. */
  #return(): void {
    void (async () => this.#iterator?.return?.())().catch(() => {});
  }

  /** Sends the items of `source` until it ends or the stream is stopped. Rejects if the source or an item fails. */
  async pump<T>(source: Items<T>, type: Type<T>, name: string, maxPayload: number): Promise<void> {
    const asynchronous = (source as AsyncIterable<T>)[Symbol.asyncIterator]?.();
    this.#iterator = asynchronous ?? (source as Iterable<T>)[Symbol.iterator]();
    if (this.isStopped) this.#return();
    try {
      while (!this.isStopped) {
        await this.#turn();
        if (this.isStopped) return;
        const { done, value } = await (this.#iterator as AsyncIterator<T>).next();
        if (done || this.isStopped) return;
        const item = encode(type, value, `item of ${name}`);
        if (item.length > maxPayload - 10) {
          throw overLimit(`item of ${name}`, item.length, maxPayload - 10);
        }
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
    const size = item.length + 4;
    this.#credit -= item.length + ITEM_COST;
    this.#count++;
    if (this.#batchSize + size > MAX_BATCH) this.#flush();
    this.#batch.push(item);
    this.#batchSize += size;
    if (this.#batch.length === 1) soon(() => this.#flush());
  }

  #flush(): void {
    const batch = this.#batch;
    if (!batch.length) return;
    this.drop();
    this.#sender.send(ITEMS, u32(this.id), u16(batch.length), ...batch.flatMap((item) => [u32(item.length), item]));
  }

  /** Drops the items that have not been written. */
  drop(): void {
    this.#batch = [];
    this.#batchSize = 0;
  }

  /** Waits for credit, and for room in the socket. */
  async #turn(): Promise<void> {
    while (this.#credit <= 0 && !this.isStopped) await new Promise<void>((resolve) => (this.#wake = resolve));
    await this.#sender.room(MAX_AHEAD);
  }

  /** Sends the end. */
  end(reason: number, error?: ErrorData): void {
    this.#flush();
    sendEnd(this.#sender, this.id, reason, this.#count, error);
  }
}

/** Sends the end of a stream, from either side. */
export function sendEnd(sender: Sender, id: number, reason: number, count: bigint, error?: ErrorData): void {
  sender.send(STREAM_END, u32(id), u8(reason), u64(count), error ? writeErrorData(error) : []);
}
