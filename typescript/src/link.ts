import { ChirpError, FrameworkError, frameworkCodes, StreamError } from "./errors.js";
import { packetType, readErrorData, Reader, STREAM_BITS, type Packet } from "./packets.js";
import { toError } from "./remote_errors.js";
import type { Method } from "./service.js";
import { Emitter, endReason, MAX_WINDOWS, Receiver, sendEnd, WINDOW, type Items, type StreamBudget } from "./streams.js";
import type { Sender } from "./transport.js";
import type { Type } from "./types.js";

const OPENED_HERE = 0x8000_0000;
const MAX_NUMBER = 0x7fff_ffff;
/** Streams that are not over, at most. */
const MAX_STREAMS = 16_384;
/** Received items that nobody has taken, in bytes. */
const MAX_HELD = 64 << 20;
/** The codec number of JSON. */
export const JSON_CODEC = 3;

/** A stream that the other side opened, before a request. */
export interface OpenedStream {
  readonly number: number;
  readonly toOpener: boolean;
  readonly bound: boolean;
  readonly result: boolean;
  readonly codec: number;
  readonly window: number;
}

interface ReceivingEnd {
  readonly receiver: Receiver<any>;
  readonly method: Method<any>;
}

/** What both directions of a connection share: what the other side accepts, and the streams. */
export class Link {
  readonly sender: Sender;
  readonly maxPayload: number;
  /** The extensions of the other side, and the largest payload that it takes. Nothing is known before hello. */
  extensions = 0n;
  remotePayload: number;
  isNegotiated = false;
  /** Is called when a stream is over. */
  onStreamEnd: () => void = () => {};
  readonly #budget: StreamBudget = { windows: 0, held: 0 };
  /** The ends of streams by the id in packets that arrive. */
  readonly #receivers = new Map<number, ReceivingEnd>();
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
    return ((this.extensions >> BigInt(type - packetType.context)) & 1n) === 1n;
  }

  get streamCount(): number {
    return this.#receivers.size + this.#emitters.size;
  }

  /** Takes the number of a new stream. */
  #take(): number {
    if (!this.accepts(packetType.open)) {
      throw new FrameworkError(frameworkCodes.unsupported, "the other side does not accept streams");
    }
    if (this.streamCount >= MAX_STREAMS) {
      throw new FrameworkError(frameworkCodes.overloaded, `the connection has ${MAX_STREAMS} streams, the most that it may have`);
    }
    do this.#number = (this.#number % MAX_NUMBER) + 1;
    while (this.#isUsed(this.#number | OPENED_HERE));
    return this.#number;
  }

  #isUsed(id: number): boolean {
    return this.#receivers.has(id >>> 0) || this.#emitters.has(id >>> 0);
  }

  /** Opens a stream whose items come to this side. */
  openReceiver(method: Method<any>, type: Type<any>, stop: () => void): { receiver: Receiver<any>; window: number } {
    if (this.#budget.windows + WINDOW > MAX_WINDOWS) {
      throw new FrameworkError(frameworkCodes.overloaded, "the streams of the connection have no room for one more");
    }
    const number = this.#take();
    const receiver = new Receiver(number, type, method.name, this.sender, this.#budget, stop);
    this.#receivers.set((number | OPENED_HERE) >>> 0, { receiver, method });
    return { receiver, window: WINDOW };
  }

  /** Opens a stream whose items go to the other side. The other side gives it credit. */
  openEmitter(): { emitter: Emitter; window: number } {
    const number = this.#take();
    let opened = 0;
    for (const id of this.#emitters.keys()) if (id >= OPENED_HERE) opened++;
    const window = opened >= 1024 ? 0 : WINDOW;
    const emitter = new Emitter(number, this.sender, window);
    this.#emitters.set((number | OPENED_HERE) >>> 0, emitter);
    return { emitter, window };
  }

  /** Reads a stream open packet. */
  readOpen(payload: Uint8Array): OpenedStream[] {
    const reader = new Reader(payload, "stream open");
    const streams: OpenedStream[] = [];
    do {
      const number = reader.u32();
      const flags = reader.u8();
      const codec = reader.u8();
      const window = reader.u32();
      const [toOpener, bound, result] = [(flags & 1) > 0, (flags & 2) > 0, (flags & 4) > 0];
      const isTaken = this.#isUsed(number) || streams.some((other) => other.number === number);
      if (!number || number > MAX_NUMBER || isTaken) reader.fail(`the number ${number} cannot be that of a new stream`);
      if (flags > 7 || (result && flags !== 7)) reader.fail(`the flags ${flags} are not defined`);
      if (codec > 4) reader.fail(`the codec ${codec} is not defined`);
      if (!toOpener && window !== 0 && window !== WINDOW) reader.fail(`a window of ${window} bytes cannot be asked for`);
      streams.push({ number, toOpener, bound, result, codec, window });
    } while (reader.left);
    if (streams.length > 1024) reader.fail("over 1,024 streams");
    return streams;
  }

  /** Takes up a stream whose items come from the other side, which opened it. */
  acceptReceiver(opened: OpenedStream, method: Method<any>, type: Type<any>): Receiver<any> {
    if (this.streamCount >= MAX_STREAMS) {
      throw new FrameworkError(frameworkCodes.overloaded, `the connection has ${MAX_STREAMS} streams, the most that it may have`);
    }
    const id = (opened.number | OPENED_HERE) >>> 0;
    const receiver: Receiver<any> = new Receiver(id, type, method.name, this.sender, this.#budget, () => {
      sendEnd(this.sender, id, endReason.cancelled, receiver.received);
    });
    this.#receivers.set(opened.number, { receiver, method });
    if (!opened.window) receiver.grantFirst();
    return receiver;
  }

  /** Takes up a stream whose items go to the other side, which opened it. */
  acceptEmitter(opened: OpenedStream): Emitter {
    const emitter = new Emitter((opened.number | OPENED_HERE) >>> 0, this.sender, opened.window);
    this.#emitters.set(opened.number, emitter);
    return emitter;
  }

  /** Refuses streams that no value took. Those that are bound end with the response. */
  refuse(streams: Iterable<OpenedStream>): void {
    for (const { number, bound } of streams) {
      if (!bound) sendEnd(this.sender, (number | OPENED_HERE) >>> 0, endReason.refused, 0n);
    }
  }

  /** Sends the items of `source`, and the end. The promise never rejects. */
  async emit(emitter: Emitter, source: Items<unknown>, type: Type<any>, name: string, toErrorData: (error: unknown) => Parameters<Emitter["end"]>[1]): Promise<void> {
    try {
      await emitter.pump(source, type, name, this.remotePayload);
      this.endEmitter(emitter, emitter.isStopped ? endReason.cancelled : endReason.finished);
    } catch (error) {
      this.endEmitter(emitter, endReason.failed, toErrorData(error));
    }
  }

  /** Sends the end of a stream, once. With no reason, nothing is sent: the response says it all. */
  endEmitter(emitter: Emitter, reason: number | undefined, error?: Parameters<Emitter["end"]>[1]): void {
    const id = (emitter.id ^ OPENED_HERE) >>> 0;
    if (this.#emitters.get(id) !== emitter) return;
    this.#emitters.delete(id);
    if (reason === undefined) emitter.drop();
    else emitter.end(reason, error);
    emitter.stop();
    this.onStreamEnd();
  }

  /** Ends the receiving end of a stream that is over. */
  endReceiver(receiver: Receiver<any>, error?: unknown): void {
    receiver.end(error);
    if (this.#receivers.delete((receiver.id ^ OPENED_HERE) >>> 0)) this.onStreamEnd();
  }

  onItems({ payload, tooLarge }: Packet): void {
    const reader = new Reader(payload, "stream items");
    const end = this.#receivers.get(reader.u32());
    if (tooLarge) {
      if (end) this.#breakOff(end, frameworkCodes.tooLarge, `a packet of items is over the limit of ${this.maxPayload} bytes`);
      return;
    }
    const items = Array.from({ length: reader.u16() }, () => reader.bytes(reader.u32()));
    reader.end();
    if (!end) return;
    if (!end.receiver.push(items)) this.#breakOff(end, frameworkCodes.overloaded, "an item came without credit");
    else if (this.#budget.held > MAX_HELD) this.#breakOff(end, frameworkCodes.overloaded, `over ${MAX_HELD} bytes of items wait to be taken`);
  }

  #breakOff({ receiver, method }: ReceivingEnd, code: number, reason: string): void {
    if (receiver.isEnded) return;
    const data = { code, description: reason, data: Uint8Array.of(0xc7, 0x45) };
    sendEnd(this.sender, receiver.id, endReason.failed, receiver.received, data);
    receiver.end(new StreamError(`the stream of ${method.name} failed: ${reason}`));
  }

  onCredit({ payload }: Packet): void {
    const reader = new Reader(payload, "stream credit");
    do {
      const id = reader.u32();
      const credit = reader.u32();
      this.#emitters.get(id)?.grant(credit);
    } while (reader.left);
  }

  onEnd({ payload }: Packet): void {
    const reader = new Reader(payload, "stream end");
    const id = reader.u32();
    const reason = reader.u8();
    const count = reader.u64();
    const error = readErrorData(reader);
    const emitter = this.#emitters.get(id);
    if (emitter) this.endEmitter(emitter, endReason.cancelled);
    const end = this.#receivers.get(id);
    if (!end) return;
    const { receiver, method } = end;
    if (reason === endReason.finished) {
      const isWhole = count === receiver.received;
      this.endReceiver(
        receiver,
        isWhole ? undefined : new StreamError(`the stream of ${method.name} is incomplete: ${receiver.received} of ${count} items came`),
      );
    } else if (reason === endReason.cancelled) {
      this.endReceiver(receiver, new StreamError(`the stream of ${method.name} was cancelled by the other side`));
    } else {
      const isKnown = error.code || error.description;
      this.endReceiver(receiver, isKnown ? toError(error, method) : new StreamError(`the stream of ${method.name} failed`));
    }
  }

  /** Ends all streams with the connection. */
  end(error: ChirpError): void {
    for (const emitter of [...this.#emitters.values()]) this.endEmitter(emitter, undefined);
    for (const { receiver } of [...this.#receivers.values()]) this.endReceiver(receiver, error);
  }
}
