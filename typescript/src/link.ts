import { ChirpError, FrameworkError, OVERLOADED, TOO_LARGE, UNSUPPORTED, StreamError } from "./errors.js";
import { STREAM_OPEN, readErrorData, STREAM_BITS, type ErrorData, type Packet } from "./packets.js";
import { frameworkError, toError } from "./remote_errors.js";
import type { Method } from "./service.js";
import { Emitter, CANCELLED, FAILED, FINISHED, REFUSED, Receiver, sendEnd, WINDOW, type Items, type StreamBudget } from "./streams.js";
import type { Sender } from "./transport.js";
import type { Type } from "./types.js";

const MAX_NUMBER = 0x7fff_ffff;
/** Streams that are not over, at most. */
const MAX_STREAMS = 16_384;
/** Those of them that this side receives: each has a window of its own, however far those of others have grown. */
const MAX_RECEIVERS = 2048;
/** Received items that nobody has taken, in bytes. */
const MAX_HELD = 64 << 20;
/** The codec number of JSON. */
export const JSON_CODEC = 3;

/** The id of the same stream, as the other side writes it. */
const otherSide = (id: number): number => (id ^ 0x8000_0000) >>> 0;

/** A stream that the other side opened, before a request. */
export interface OpenedStream {
  readonly number: number;
  readonly toOpener: boolean;
  readonly bound: boolean;
  readonly result: boolean;
  readonly codec: number;
  readonly window: number;
}

/** What both directions of a connection share: what the other side accepts, and the streams. */
export class Link {
  readonly sender: Sender;
  readonly maxPayload: number;
  /** The extensions of the other side, and the largest payload that it takes. Nothing is known before hello. */
  extensions = 0n;
  remotePayload: number;
  isNegotiated = false;
  /** Is called when a stream or a call is over. */
  onEnd: () => void = () => {};
  readonly #budget: StreamBudget = { growth: 0, held: 0 };
  /** The ends of streams by the id in packets that arrive. */
  readonly #receivers = new Map<number, { receiver: Receiver<any>; method: Method<any> }>();
  readonly #emitters = new Map<number, Emitter>();
  #number = 0;

  constructor(sender: Sender, maxPayload: number) {
    this.sender = sender;
    this.maxPayload = this.remotePayload = maxPayload;
  }

  /** Takes what the other side declares. Its first declaration counts. */
  declare(extensions: bigint, payload: number): void {
    if (this.isNegotiated) return;
    this.isNegotiated = true;
    this.extensions = (extensions & STREAM_BITS) === STREAM_BITS ? extensions : extensions & ~STREAM_BITS;
    this.remotePayload = payload;
  }

  accepts(type: number): boolean {
    return ((this.extensions >> BigInt(type & 0xf)) & 1n) === 1n;
  }

  get streamCount(): number {
    return this.#receivers.size + this.#emitters.size;
  }

  #checkRoom(isReceiver: boolean): void {
    if (this.streamCount >= MAX_STREAMS || (isReceiver && this.#receivers.size >= MAX_RECEIVERS)) {
      throw new FrameworkError(OVERLOADED, `too many streams: ${this.streamCount}`);
    }
  }

  /** Takes the number of a new stream. */
  #take(isReceiver: boolean): number {
    if (!this.accepts(STREAM_OPEN)) {
      throw new FrameworkError(UNSUPPORTED, "the other side does not accept streams");
    }
    this.#checkRoom(isReceiver);
    do this.#number = (this.#number % MAX_NUMBER) + 1;
    while (this.#isUsed(otherSide(this.#number)));
    return this.#number;
  }

  #isUsed(id: number): boolean {
    return this.#receivers.has(id) || this.#emitters.has(id);
  }

  /** Opens a stream whose items come to this side, with a window of `WINDOW`. */
  openReceiver(receiver: Receiver<any>, method: Method<any>): void {
    const number = this.#take(true);
    receiver.open(number, this.sender, this.#budget);
    this.#receivers.set(otherSide(number), { receiver, method });
  }

  /** Opens a stream whose items go to the other side, which gives it credit. */
  openEmitter(): { emitter: Emitter; window: number } {
    const number = this.#take(false);
    const opened = [...this.#emitters.keys()].filter((id) => id > MAX_NUMBER).length;
    const window = opened < 1024 ? WINDOW : 0;
    const emitter = new Emitter(number, this.sender, window);
    this.#emitters.set(otherSide(number), emitter);
    return { emitter, window };
  }

  /** Reads a stream open packet. */
  readOpen({ reader }: Packet): OpenedStream[] {
    const streams: OpenedStream[] = [];
    const numbers = new Set<number>();
    do {
      const number = reader.u32();
      const flags = reader.u8();
      const stream = { number, toOpener: !!(flags & 1), bound: !!(flags & 2), result: !!(flags & 4), codec: reader.u8(), window: reader.u32() };
      if (
        !number ||
        number > MAX_NUMBER ||
        this.#isUsed(number) ||
        numbers.has(number) ||
        flags > 7 ||
        (stream.result && flags < 7) ||
        stream.codec > 4 ||
        (!stream.toOpener && stream.window && stream.window !== WINDOW)
      ) {
        reader.fail(`stream ${number}`);
      }
      numbers.add(number);
      streams.push(stream);
    } while (reader.left);
    if (streams.length > 1024) reader.fail("it is too long");
    return streams;
  }

  /** Takes up a stream whose items come from the other side, which opened it. */
  acceptReceiver({ number, window }: OpenedStream, method: Method<any>, type: Type<any>): Receiver<any> {
    this.#checkRoom(true);
    const receiver = new Receiver(type, method.name);
    receiver.open(otherSide(number), this.sender, this.#budget);
    receiver.onCancel = () => sendEnd(this.sender, receiver.id, CANCELLED, receiver.received);
    this.#receivers.set(number, { receiver, method });
    if (!window) receiver.grant(WINDOW);
    return receiver;
  }

  /** Takes up a stream whose items go to the other side, which opened it. */
  acceptEmitter({ number, window }: OpenedStream): Emitter {
    const emitter = new Emitter(otherSide(number), this.sender, window);
    this.#emitters.set(number, emitter);
    return emitter;
  }

  /** Refuses streams that no value took. Those that are bound end with the response. */
  refuse(streams: Iterable<OpenedStream>): void {
    for (const { number, bound } of streams) {
      if (!bound) sendEnd(this.sender, otherSide(number), REFUSED, 0n);
    }
  }

  /** Sends the items of `source`, and the end. The promise never rejects. */
  async emit(emitter: Emitter, source: Items<unknown>, type: Type<any>, name: string, toErrorData: (error: unknown) => ErrorData): Promise<void> {
    try {
      await emitter.pump(source, type, name, this.remotePayload);
      this.endEmitter(emitter, emitter.isStopped ? CANCELLED : FINISHED);
    } catch (error) {
      this.endEmitter(emitter, FAILED, toErrorData(error));
    }
  }

  /** Sends the end of a stream, once. Without a reason, nothing is sent: the response says it all. */
  endEmitter(emitter: Emitter, reason?: number, error?: ErrorData): void {
    const id = otherSide(emitter.id);
    if (this.#emitters.get(id) !== emitter) return;
    this.#emitters.delete(id);
    if (reason === undefined) emitter.drop();
    else emitter.end(reason, error);
    emitter.stop();
    this.onEnd();
  }

  /** Ends the receiving end of a stream that is over. */
  endReceiver(receiver: Receiver<any>, error?: unknown): void {
    receiver.end(error);
    if (this.#receivers.delete(otherSide(receiver.id))) this.onEnd();
  }

  onItems({ reader, tooLarge }: Packet): void {
    const { receiver, method } = this.#receivers.get(reader.u32()) ?? {};
    let failure: ErrorData | undefined;
    if (tooLarge) {
      failure = frameworkError(TOO_LARGE, "too large", this.maxPayload);
    } else {
      const items = Array.from({ length: reader.u16() }, () => reader.bytes(reader.u32()));
      reader.end();
      if ((receiver && !receiver.push(items)) || this.#budget.held > MAX_HELD) failure = frameworkError(OVERLOADED, "too many items");
    }
    if (!failure || !receiver || receiver.isEnded) return;
    sendEnd(this.sender, receiver.id, FAILED, receiver.received, failure);
    receiver.end(new StreamError(`the stream of ${method!.name} failed: ${failure.description}`));
  }

  onCredit({ reader }: Packet): void {
    do {
      const emitter = this.#emitters.get(reader.u32());
      const credit = reader.u32();
      emitter?.grant(credit);
    } while (reader.left);
  }

  onStreamEnd({ reader }: Packet): void {
    const id = reader.u32();
    const reason = reader.u8();
    const count = reader.u64();
    const error = readErrorData(reader);
    const emitter = this.#emitters.get(id);
    if (emitter) this.endEmitter(emitter, CANCELLED);
    const { receiver, method } = this.#receivers.get(id) ?? {};
    if (!receiver) return;
    const isFinished = reason === FINISHED;
    if (isFinished && count === receiver.received) return this.endReceiver(receiver);
    if (!isFinished && reason !== CANCELLED && error.description) return this.endReceiver(receiver, toError(error, method!));
    const what = isFinished ? `is incomplete: ${receiver.received} of ${count} items came` : "was broken off";
    this.endReceiver(receiver, new StreamError(`the stream of ${method!.name} ${what}`));
  }

  /** Ends all streams with the connection. */
  end(error: ChirpError): void {
    for (const emitter of this.#emitters.values()) this.endEmitter(emitter);
    for (const { receiver } of this.#receivers.values()) this.endReceiver(receiver, error);
  }
}
