import { readContext, type RequestContext } from "./context.js";
import { ChirpError, ConnectionLostError, EncodeError, frameworkCodes, FrameworkError, NotConnectedError, ProtocolError, StreamError } from "./errors.js";
import { InboundCalls } from "./inbound.js";
import { Link, type OpenedStream } from "./link.js";
import { OutboundCalls } from "./outbound.js";
import { Decoder, EXTENSIONS, packetType, readErrorData, Reader, Writer, type Packet } from "./packets.js";
import type { Caller, CallOptions, Method, Service } from "./service.js";
import { decode, type ItemStream, type Receiver } from "./streams.js";
import { Sender, type WebSocketLike } from "./transport.js";
import { unit } from "./types.js";

/** Settings of a peer. */
export interface PeerOptions {
  /** The services that the other side may call. */
  readonly services?: readonly Service[] | undefined;
  /** The largest payload of a packet that is accepted, in bytes. 16 MiB by default. */
  readonly maxPayload?: number | undefined;
  /** How many calls may wait for their answers. 65,536 by default. */
  readonly maxPendingCalls?: number | undefined;
  /** How many calls of the other side run at once. 4,096 by default; further ones are refused as `overloaded`. */
  readonly maxRunningHandlers?: number | undefined;
  /**
   * After how many milliseconds without a byte the other side is asked for a sign of life. The connection ends if none comes within
   * the same time. 0, the default, never asks.
   */
  readonly keepAlive?: number | undefined;
  /** Is given what handlers throw, except for service errors. `console.error` by default. */
  readonly onHandlerError?: ((error: unknown, method: string) => void) | undefined;
}

const HELLO = 0x48454c4f;
const HELLO_ANSWER = 0x4f4c4548;
const HELLO_LENGTH = 31;
/** How long the answer to hello is waited for. */
const HELLO_MS = 10_000;
/** How long a packet that has begun may not go on. */
const STALL_MS = 30_000;
/** How long a side is waited for that does not agree to go away. */
const CLOSE_MS = 30_000;
const NO_LIMIT = 0xffff_ffff;

/** One connection. Both sides call each other over it. */
export class Peer implements Caller {
  /** Resolves when the connection has ended: with nothing after `close`, else with the reason. It never rejects. */
  readonly closed: Promise<ChirpError | undefined>;
  readonly #socket: WebSocketLike;
  readonly #options: PeerOptions;
  readonly #link: Link;
  readonly #decoder: Decoder;
  readonly #outbound: OutboundCalls;
  readonly #inbound: InboundCalls;
  #resolveClosed!: (reason: ChirpError | undefined) => void;
  #ended = false;
  #streams: OpenedStream[] | undefined;
  #context: RequestContext | undefined;
  #stall: ReturnType<typeof setTimeout> | undefined;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #lastReceived = 0;
  /** Whether this side shuts down, has said that it goes away, and has heard it. */
  #closing = false;
  #saidGoingAway = false;
  #heardGoingAway = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onGoingAway: (() => void)[] = [];

  /** Begins on a socket that is open. Use `connect`. */
  private constructor(socket: WebSocketLike, options: PeerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    const maxPayload = options.maxPayload ?? 16 << 20;
    const sender = new Sender(socket, (reason) => this.#fail(new ConnectionLostError(reason), 1008));
    this.#link = new Link(sender, maxPayload);
    this.#link.onStreamEnd = () => this.#checkIdle();
    this.#decoder = new Decoder(maxPayload, (packet) => this.#onPacket(packet));
    this.#outbound = new OutboundCalls(this.#link, options.maxPendingCalls ?? 65_536, (reason) => this.#fail(new ConnectionLostError(reason), 1008));
    const report = options.onHandlerError ?? ((error, method) => console.error(`chirp: the handler of ${method} failed:`, error));
    this.#inbound = new InboundCalls(this.#link, this, options.maxRunningHandlers ?? 4096, report);
    for (const service of options.services ?? []) this.#inbound.serve(service);
    socket.addEventListener("message", ({ data }: { data: unknown }) => this.#onMessage(data));
    socket.addEventListener("close", ({ code, reason }: { code: number; reason: string }) => this.#onClose(code, reason));
  }

  /** Begins on a socket that is open, and asks what the other side accepts. */
  static async start(socket: WebSocketLike, options: PeerOptions): Promise<Peer> {
    const peer = new Peer(socket, options);
    await peer.hello().catch(() => peer.#link.declare(0n, peer.#link.remotePayload));
    if (peer.#ended) throw (await peer.closed) ?? new NotConnectedError("the connection was closed");
    if (options.keepAlive) peer.#keepAlive = setInterval(() => peer.#checkAlive(options.keepAlive!), options.keepAlive);
    return peer;
  }

  /** Whether calls can be made: the connection has not ended, and neither side shuts down. */
  get isOpen(): boolean {
    return !this.#outbound.refusal;
  }

  /** Serves more methods from now on. */
  serve(service: Service): void {
    this.#inbound.serve(service);
  }

  async call<T>(method: Method<T>, args: readonly unknown[], options: CallOptions = {}): Promise<T> {
    if (method.items) throw new EncodeError(`the result of ${method.name} is a stream: call it with stream()`);
    const result = await this.#outbound.call(method, args, options);
    return method.oneWay ? (undefined as T) : decode(method.result ?? (unit as never), result, `result of ${method.name}`);
  }

  send(method: Method<any>, args: readonly unknown[], options: CallOptions = {}): Promise<void> {
    // A one-way call is a request whose answer is ignored.
    return new Promise((resolve, reject) => {
      this.#outbound.call(method, args, options, () => resolve()).then(() => resolve(), reject);
    });
  }

  stream<T>(method: Method<T>, args: readonly unknown[], options: CallOptions = {}): ItemStream<T> {
    return new DeferredStream<T>(async (begin) => {
      if (!method.items) throw new EncodeError(`the result of ${method.name} is not a stream`);
      await this.#outbound.call(method, args, options, (receiver) => begin(receiver!));
    }, method.name);
  }

  /** Asks for a sign of life. Rejects if none comes within `timeout` milliseconds, 10 s by default. */
  async hello(timeout = HELLO_MS): Promise<void> {
    const nonce = crypto.getRandomValues(new BigUint64Array(1))[0]!;
    const parameters = this.#declaration(HELLO, nonce, 1);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ConnectionLostError(`no answer to hello within ${timeout} ms`)), timeout);
    });
    try {
      this.#checkAnswer(await Promise.race([this.#outbound.ask("chirp.hello", parameters), late]), nonce);
    } finally {
      clearTimeout(timer);
    }
  }

  #checkAnswer(answer: Uint8Array, nonce: bigint): void {
    const reader = new Reader(answer, "answer to hello");
    const isMagic = reader.u8() === 0xc7 && reader.u32() === HELLO_ANSWER;
    if (!isMagic || reader.u64() !== BigInt.asUintN(64, nonce + 1n) || reader.u16() !== 1) reader.fail("it answers something else");
    this.#link.declare(reader.u64(), reader.u32());
    reader.u32();
  }

  #declaration(magic: number, nonce: bigint, revision: number): Uint8Array<ArrayBuffer> {
    const writer = new Writer().u8(0xc7).u32(magic).u64(nonce).u16(revision).u64(EXTENSIONS);
    return writer.u32(this.#link.maxPayload).u32(this.#options.maxRunningHandlers ?? 4096).payload();
  }

  #onHello(parameters: Uint8Array): Uint8Array | undefined {
    if (parameters.length < HELLO_LENGTH) return undefined;
    const reader = new Reader(parameters, "hello");
    const isMagic = reader.u8() === 0xc7 && reader.u32() === HELLO;
    const nonce = reader.u64();
    const revision = reader.u16();
    if (!isMagic || !revision) return undefined;
    this.#link.declare(reader.u64(), reader.u32());
    return this.#declaration(HELLO_ANSWER, BigInt.asUintN(64, nonce + 1n), 1);
  }

  #onMessage(data: unknown): void {
    if (this.#ended) return;
    this.#lastReceived = Date.now();
    clearTimeout(this.#stall);
    try {
      if (!(data instanceof ArrayBuffer)) throw new ProtocolError("the other side sent a message that is not binary");
      this.#decoder.push(new Uint8Array(data));
    } catch (error) {
      this.#fail(error instanceof ChirpError ? error : new ProtocolError(String(error)), 1002);
      return;
    }
    if (this.#decoder.isInside) {
      this.#stall = setTimeout(() => {
        this.#fail(new ProtocolError(`the other side has sent nothing for ${STALL_MS / 1000} s in the middle of a packet`), 1002);
      }, STALL_MS);
    }
  }

  #onPacket(packet: Packet): void {
    if (this.#ended) return;
    const { type, payload } = packet;
    const streams = this.#streams;
    const context = this.#context;
    const isCarrier = type === packetType.request || ((type === packetType.response || type === packetType.items) && !context);
    if ((streams || context) && !isCarrier && !(type === packetType.context && !context)) {
      throw new ProtocolError(`a packet of type ${type} came between a request and what belongs to it`);
    }
    if (isCarrier) this.#streams = this.#context = undefined;
    if (streams && type !== packetType.request && isCarrier) {
      if (streams.some((stream) => stream.bound)) throw new ProtocolError("a stream is bound to something else than a request");
      // No value of a response or an item can hold a stream here.
      this.#link.refuse(streams);
    }
    switch (type) {
      case packetType.request:
        this.#inbound.onRequest({ packet, streams: streams ?? [], context }, (parameters) => this.#onHello(parameters));
        break;
      case packetType.cancel:
        this.#inbound.onCancel(packet);
        break;
      case packetType.response:
        this.#outbound.onResponse(packet);
        break;
      case packetType.context:
        this.#context = readContext(payload);
        break;
      case packetType.open:
        this.#streams = this.#link.readOpen(payload);
        break;
      case packetType.items:
        this.#link.onItems(packet);
        break;
      case packetType.credit:
        this.#link.onCredit(packet);
        break;
      case packetType.end:
        this.#link.onEnd(packet);
        break;
      case packetType.goingAway:
        this.#onGoingAwayPacket(payload);
        break;
    }
  }

  #checkAlive(interval: number): void {
    if (Date.now() - this.#lastReceived < interval) return;
    this.hello(interval).catch((error: ChirpError) => {
      // An answer of another kind is a sign of life, too.
      if (Date.now() - this.#lastReceived >= interval) this.#fail(error, 1001);
    });
  }

  // Going away, and the end.

  #onGoingAwayPacket(payload: Uint8Array): void {
    const reader = new Reader(payload, "going away");
    const grace = reader.u32();
    const { description } = readErrorData(reader);
    if (this.#heardGoingAway) return;
    this.#heardGoingAway = true;
    this.#sayGoingAway(grace);
    const text = description ? `the other side shuts down: ${description}` : "the other side shuts down";
    this.#refuseCalls(() => new FrameworkError(frameworkCodes.shuttingDown, text));
    for (const listener of this.#onGoingAway.splice(0)) listener();
    this.#checkIdle();
  }

  #sayGoingAway(grace: number): void {
    if (this.#saidGoingAway) return;
    this.#saidGoingAway = true;
    this.#link.sender.write(new Writer().u32(grace).packet(packetType.goingAway));
  }

  #refuseCalls(error: () => ChirpError): void {
    this.#outbound.refusal ??= error;
  }

  /** Calls `listener` when the other side says that it shuts down, or the connection ends. */
  onGoingAway(listener: () => void): void {
    if (this.isOpen) this.#onGoingAway.push(listener);
    else listener();
  }

  /**
   * Closes the connection in order: no calls are made any more, and those in progress are waited for, in both directions, for `timeout`
   * milliseconds at most, 30 s by default.
   */
  async close(timeout = CLOSE_MS): Promise<void> {
    if (!this.#closing && !this.#ended) {
      this.#closing = true;
      this.#refuseCalls(() => new NotConnectedError("this side closes the connection"));
      const isPlain = !this.#link.accepts(packetType.goingAway);
      if (isPlain || (this.#inbound.servesNothing && this.#isIdle())) this.#heardGoingAway = this.#saidGoingAway = true;
      else this.#sayGoingAway(Number.isFinite(timeout) ? Math.min(timeout, NO_LIMIT - 1) : NO_LIMIT);
      if (timeout <= 0x7fff_ffff) this.#closeTimer = setTimeout(() => this.abort("the time for closing is over"), timeout);
      this.#checkIdle();
    }
    await this.closed;
  }

  /** Closes the connection at once. Calls that are pending fail. */
  abort(reason = "this side closed the connection"): void {
    this.#fail(new ConnectionLostError(reason), 1000);
  }

  #isIdle(): boolean {
    return !this.#outbound.size && !this.#inbound.size && !this.#link.streamCount;
  }

  /** Closes the connection if this side shuts down, and nothing is left to do. */
  #checkIdle(): void {
    if (!this.#closing || !this.#saidGoingAway || !this.#heardGoingAway || !this.#isIdle()) return;
    this.#end(undefined, 1000, "");
  }

  #onClose(code: number, reason: string): void {
    if (this.#decoder.isInside) {
      this.#end(new ProtocolError("the connection ended in the middle of a packet"), 1000, "");
    } else if (this.#closing && this.#isIdle()) {
      this.#end(undefined, 1000, "");
    } else {
      this.#end(new ConnectionLostError(`the connection was lost: code ${code}${reason && `, ${reason}`}`), 1000, "");
    }
  }

  #fail(error: ChirpError, code: number): void {
    this.#end(error, code, error.message);
  }

  #end(error: ChirpError | undefined, code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of [this.#stall, this.#keepAlive, this.#closeTimer]) clearTimeout(timer);
    const cause = error ?? new ConnectionLostError("this side closed the connection");
    this.#refuseCalls(() => new NotConnectedError(cause.message));
    this.#outbound.end(cause);
    this.#link.end(cause);
    this.#inbound.end(cause);
    this.#link.sender.end();
    // The constructor of browsers takes codes of applications only, and 1000.
    this.#socket.close(code === 1000 ? code : 3000 + code, new TextDecoder().decode(new TextEncoder().encode(reason).subarray(0, 120)));
    this.#resolveClosed(error);
    for (const listener of this.#onGoingAway.splice(0)) listener();
  }
}

/** A result stream whose call may still wait for room, or for a connection. */
export class DeferredStream<T> implements ItemStream<T> {
  #receiver: Receiver<T> | undefined;
  readonly #begun: Promise<Receiver<T>>;
  #cancelled = false;

  /** `start` makes the call, and gives the receiving end to its argument. Its promise is the end of the call. */
  constructor(start: (begin: (receiver: Receiver<T>) => void) => Promise<void>, name: string) {
    this.#begun = new Promise((resolve, reject) => {
      const begin = (receiver: Receiver<T>) => {
        this.#receiver = receiver;
        if (this.#cancelled) receiver.cancel();
        resolve(receiver);
      };
      start(begin).then(() => reject(new StreamError(`the call of ${name} has ended`)), reject);
    });
    this.#begun.catch(() => {});
  }

  async ready(): Promise<void> {
    await (await this.#begun).ready();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#receiver?.cancel();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#cancelled) return { done: true, value: undefined };
    return (this.#receiver ?? (await this.#begun)).next();
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
