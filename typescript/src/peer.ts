import { RequestCaller } from "./caller.js";
import { readContext, type RequestContext } from "./context.js";
import { ChirpError, ConnectionLostError, SHUTTING_DOWN, FrameworkError, NotConnectedError, ProtocolError } from "./errors.js";
import { InboundCalls } from "./inbound.js";
import { Link, type OpenedStream } from "./link.js";
import { OutboundCalls } from "./outbound.js";
import { Decoder, EXTENSIONS, join, CANCEL, CONTEXT, CREDIT, GOING_AWAY, ITEMS, REQUEST, RESPONSE, STREAM_END, STREAM_OPEN, readErrorData, Reader, u16, u32, u64, type Packet, type Part } from "./packets.js";
import type { CallOptions, Method, Service } from "./service.js";
import { deferred, type Receiver } from "./streams.js";
import { MAX_TIMER, Sender, SOCKET_BUFFER, watch, type WebSocketLike } from "./transport.js";

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
  /**
   * Is given what handlers throw, and the sources of streams that are arguments, except for service errors. `subject` says which it
   * was. `console.error` by default.
   */
  readonly onHandlerError?: ((error: unknown, subject: string) => void) | undefined;
}

const HELLO = [0xc7, 0x48, 0x45, 0x4c, 0x4f];
const HELLO_ANSWER = [0xc7, 0x4f, 0x4c, 0x45, 0x48];
/** How long the answer to hello is waited for. */
const HELLO_MS = 10_000;
/** How long a packet that has begun may not go on. */
const STALL_MS = 30_000;
/** How long closing may take. */
const CLOSE_MS = 30_000;
/** A grace without a limit. */
const NO_LIMIT = 0xffff_ffff;

type Timer = ReturnType<typeof setTimeout>;

/** One connection. Both sides call each other over it. */
export class Peer extends RequestCaller {
  readonly #socket: WebSocketLike;
  readonly #maxRunning: number;
  readonly #link: Link;
  readonly #decoder: Decoder;
  readonly #outbound: OutboundCalls;
  readonly #inbound: InboundCalls;
  readonly #closed = deferred<ChirpError | undefined>();
  readonly #onUnusable = deferred<void>();
  /** The reason why no calls are made, once there is one. */
  #refusal: ChirpError | undefined;
  #isEnded = false;
  /** What came before the request that it belongs to. */
  #streams: OpenedStream[] | undefined;
  #context: RequestContext | undefined;
  #stall: Timer | undefined;
  #keepAlive: Timer | undefined;
  #closeTimer: Timer | undefined;
  #lastReceived = 0;
  #isClosing = false;
  #saidGoingAway = false;
  #heardGoingAway = false;

  private constructor(socket: WebSocketLike, options: PeerOptions) {
    super();
    const { services = [], maxPayload = 16 << 20, maxPendingCalls = 65_536, maxRunningHandlers = 4096 } = options;
    const { onHandlerError = (error, subject) => console.error(`chirp: ${subject} failed:`, error) } = options;
    const fail = (reason: string) => this.#end(new ConnectionLostError(reason), 1008);
    this.#socket = socket;
    this.#maxRunning = maxRunningHandlers;
    this.#link = new Link(new Sender(socket, fail), maxPayload);
    this.#link.onEnd = () => this.#checkIdle();
    this.#decoder = new Decoder(maxPayload, (packet) => this.#onPacket(packet));
    this.#outbound = new OutboundCalls(this.#link, maxPendingCalls, fail, onHandlerError);
    this.#outbound.refusal = () => (this.#inbound.size && !this.#isEnded ? undefined : this.#refusal);
    this.#inbound = new InboundCalls(this.#link, this, maxRunningHandlers, onHandlerError);
    for (const service of services) this.serve(service);
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", ({ code, reason }) => this.#onClose(code, reason));
  }

  /**
   * Begins on a socket that is open, and asks the other side which extensions it accepts.
   *
   * @internal
   */
  static async start(socket: WebSocketLike, options: PeerOptions): Promise<Peer> {
    const peer = new Peer(socket, options);
    await peer.hello().catch(() => peer.#link.declare(0n, peer.#link.maxPayload));
    if (peer.#isEnded) throw (await peer.closed) ?? new NotConnectedError("the connection was closed");
    const { keepAlive } = options;
    if (keepAlive) peer.#keepAlive = setInterval(() => peer.#checkAlive(keepAlive), keepAlive);
    return peer;
  }

  /** Resolves when the connection has ended: with nothing after `close`, else with the reason. It never rejects. */
  get closed(): Promise<ChirpError | undefined> {
    return this.#closed.promise;
  }

  /** Whether calls can be made: the connection has not ended, and neither side shuts down. */
  get isOpen(): boolean {
    return !this.#refusal;
  }

  /** Resolves when no more calls can be made: the other side shuts down, or the connection is closed or ends. */
  get unusable(): Promise<void> {
    return this.#onUnusable.promise;
  }

  /** Serves more methods from now on. */
  serve(service: Service): void {
    this.#inbound.serve(service);
  }

  /** @internal */
  request(method: Method<any>, args: readonly unknown[], options: CallOptions, receiver?: Receiver<any>, sent?: () => void): Promise<Uint8Array> {
    return this.#outbound.call(method, args, options, receiver, sent);
  }

  /** Asks for a sign of life. Rejects if none comes within `timeout` milliseconds, 10 s by default. */
  async hello(timeout = HELLO_MS): Promise<void> {
    const nonce = crypto.getRandomValues(new BigUint64Array(1))[0]!;
    const { promise: late, reject } = deferred<never>();
    const unwatch = watch(reject, timeout, () => new ConnectionLostError(`no answer to hello within ${timeout} ms`));
    const answer = this.#outbound.ask("chirp.hello", this.#declaration(HELLO, nonce));
    const declared = this.#readDeclaration(await Promise.race([answer, late]).finally(unwatch), HELLO_ANSWER);
    if (declared?.nonce !== BigInt.asUintN(64, nonce + 1n)) throw new ProtocolError("invalid hello");
    this.#link.declare(declared.extensions, declared.payload);
  }

  #declaration(magic: Part, nonce: bigint): Part {
    return join(magic, u64(nonce), u16(1), u64(EXTENSIONS), u32(this.#link.maxPayload), u32(this.#maxRunning));
  }

  #readDeclaration(bytes: Uint8Array, magic: Part): { nonce: bigint; extensions: bigint; payload: number } | undefined {
    const reader = new Reader(bytes, "hello");
    if (bytes.length < 31 || String(reader.bytes(5)) !== String(magic)) return undefined;
    const nonce = reader.u64();
    return reader.u16() ? { nonce, extensions: reader.u64(), payload: reader.u32() } : undefined;
  }

  #onHello(parameters: Uint8Array): Part | undefined {
    const declared = this.#readDeclaration(parameters, HELLO);
    if (!declared) return undefined;
    this.#link.declare(declared.extensions, declared.payload);
    return this.#declaration(HELLO_ANSWER, BigInt.asUintN(64, declared.nonce + 1n));
  }

  #checkAlive(interval: number): void {
    const isSilent = () => Date.now() - this.#lastReceived >= interval;
    // An answer of another kind is a sign of life, too.
    if (isSilent()) this.hello(interval).catch((error) => isSilent() && this.#end(error, 1001));
  }

  #onMessage(data: unknown): void {
    if (this.#isEnded) return;
    this.#lastReceived = Date.now();
    clearTimeout(this.#stall);
    try {
      if (!(data instanceof ArrayBuffer)) throw new ProtocolError("a message is not binary");
      this.#decoder.push(new Uint8Array(data));
    } catch (error) {
      return this.#end(error instanceof ChirpError ? error : new ProtocolError(String(error)), 1002);
    }
    if (this.#decoder.isInside) {
      this.#stall = setTimeout(() => this.#end(new ConnectionLostError("the other side stalled in a packet"), 1002), STALL_MS);
    }
  }

  #onPacket(packet: Packet): void {
    if (this.#isEnded) return;
    const { type, reader } = packet;
    const streams = this.#streams;
    const context = this.#context;
    const isRequest = type === REQUEST;
    if (streams || context) {
      const isCarrier = isRequest || (!context && (type === RESPONSE || type === ITEMS) && !streams!.some(({ bound }) => bound));
      if (!isCarrier && (context || type !== CONTEXT)) throw new ProtocolError(`unexpected packet of type ${type}`);
      if (isCarrier) this.#streams = this.#context = undefined;
      // No value of a response or an item can hold a stream here.
      if (isCarrier && !isRequest) this.#link.refuse(streams!);
    }
    if (isRequest) this.#inbound.onRequest(packet, streams ?? [], context, (parameters) => this.#onHello(parameters));
    else if (type === CANCEL) this.#inbound.onCancel(packet);
    else if (type === RESPONSE) this.#outbound.onResponse(packet);
    else if (type === CONTEXT) this.#context = readContext(reader);
    else if (type === STREAM_OPEN) this.#streams = this.#link.readOpen(packet);
    else if (type === ITEMS) this.#link.onItems(packet);
    else if (type === CREDIT) this.#link.onCredit(packet);
    else if (type === STREAM_END) this.#link.onStreamEnd(packet);
    else this.#onGoingAway(reader);
  }

  #onGoingAway(reader: Reader): void {
    const grace = reader.u32();
    const { description } = readErrorData(reader);
    this.#heardGoingAway = true;
    this.#sayGoingAway(grace);
    this.#refuse(new FrameworkError(SHUTTING_DOWN, `the other side shuts down${description && `: ${description}`}`));
    this.#checkIdle();
  }

  #sayGoingAway(grace: number): void {
    if (this.#saidGoingAway) return;
    this.#saidGoingAway = true;
    this.#link.sender.send(GOING_AWAY, u32(grace));
  }

  /** Makes no more calls, except those of handlers that have to answer. */
  #refuse(error: ChirpError): void {
    this.#refusal ??= error;
    this.#onUnusable.resolve();
  }

  /**
   * Closes the connection in order: no calls are made any more, and those in progress are waited for, in both directions, for `timeout`
   * milliseconds at most, 30 s by default.
   */
  async close(timeout = CLOSE_MS): Promise<void> {
    if (!this.#isClosing && !this.#isEnded) {
      this.#isClosing = true;
      this.#refuse(new NotConnectedError("this side closed the connection"));
      // Where the other side does not know this packet, or need not, it is not waited for.
      if (!this.#link.accepts(GOING_AWAY) || (this.#inbound.servesNothing && this.#isIdle())) this.#heardGoingAway = true;
      else this.#sayGoingAway(timeout < NO_LIMIT ? timeout : NO_LIMIT);
      if (timeout <= MAX_TIMER) this.#closeTimer = setTimeout(() => this.abort("closing took too long"), timeout);
      this.#checkIdle();
    }
    await this.closed;
  }

  /** Closes the connection at once. Calls that are pending fail. */
  abort(reason = "this side closed the connection"): void {
    this.#end(new ConnectionLostError(reason), 1000);
  }

  #isIdle(): boolean {
    return !(this.#outbound.size + this.#inbound.size + this.#link.streamCount);
  }

  /** Closes the connection if this side shuts down, and nothing is left to do. */
  #checkIdle(): void {
    if (!this.#isClosing || !this.#heardGoingAway || !this.#isIdle()) return;
    // Results that the socket has no room for would be lost.
    if (this.#link.sender.unsent > SOCKET_BUFFER) void this.#link.sender.room(SOCKET_BUFFER).then(() => this.#checkIdle());
    else this.#end(undefined, 1000);
  }

  #onClose(code: number, reason: string): void {
    if (this.#decoder.isInside) this.#end(new ProtocolError("the connection ended in a packet"), 1000);
    else if (this.#isClosing && this.#isIdle()) this.#end(undefined, 1000);
    else this.#end(new ConnectionLostError(`the connection was lost: code ${code}${reason && `, ${reason}`}`), 1000);
  }

  #end(error: ChirpError | undefined, code: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of [this.#stall, this.#keepAlive, this.#closeTimer]) clearTimeout(timer);
    const cause = error ?? new ConnectionLostError("this side closed the connection");
    this.#refusal = new NotConnectedError(cause.message);
    this.#onUnusable.resolve();
    this.#outbound.end(cause);
    this.#link.end(cause);
    this.#inbound.end(cause);
    this.#link.sender.end();
    // The sockets of browsers take no codes but 1000 and those from 3000 on, and at most 123 bytes.
    this.#socket.close(code === 1000 ? code : 3000 + code, error?.message.slice(0, 40) ?? "");
    this.#closed.resolve(error);
  }
}
