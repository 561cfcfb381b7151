import { writeContext } from "./context.js";
import { ChirpError, DeadlineExceededError, EncodeError, FrameworkError, frameworkCodes, LimitError, NotConnectedError, StreamError } from "./errors.js";
import { JSON_CODEC, type Link } from "./link.js";
import { packetType, readErrorData, Reader, Writer, type Packet } from "./packets.js";
import { responseError, resultCode, toErrorData } from "./remote_errors.js";
import { writeParameters, type CallOptions, type Method } from "./service.js";
import { endReason, type Emitter, type Receiver } from "./streams.js";
import { checkSize } from "./transport.js";

/** How many bytes may be unsent before calls wait. */
const MAX_AHEAD = 2 << 20;
/** Calls that were cancelled and not answered, at most. */
const MAX_UNANSWERED_CANCELS = 16_384;
const encoder = new TextEncoder();

interface Call {
  readonly method: Method<any>;
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  readonly receiver: Receiver<any> | undefined;
  readonly emitters: readonly Emitter[];
  /** Whether nobody waits for the answer. */
  isCancelled: boolean;
}

/** Is called when a request is written, with the result stream if there is one. */
type Sent = (receiver: Receiver<any> | undefined) => void;

/** The calls of this side. */
export class OutboundCalls {
  readonly #link: Link;
  readonly #maxPending: number;
  readonly #fatal: (reason: string) => void;
  readonly #calls = new Map<number, Call>();
  #id = 0;
  #cancelled = 0;
  #waiting = 0;
  /** The reason why no calls are made, once there is one. */
  refusal: (() => ChirpError) | undefined;

  constructor(link: Link, maxPending: number, fatal: (reason: string) => void) {
    this.#link = link;
    this.#maxPending = maxPending;
    this.#fatal = fatal;
  }

  /** Calls that have not been answered, or not been sent. */
  get size(): number {
    return this.#calls.size + this.#waiting;
  }

  /** Makes a call. The promise has the bytes of the result. `sent` is called with the result stream when the request is written. */
  async call(method: Method<any>, args: readonly unknown[], options: CallOptions, sent?: Sent): Promise<Uint8Array> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.refusal) throw this.refusal();
    if (this.size >= this.#maxPending) {
      throw new LimitError(`${this.#maxPending} calls are pending, the most that may be`);
    }
    const name = encoder.encode(`${method.name};json`);
    if (name.length > 255) throw new EncodeError(`the method name ${JSON.stringify(method.name)} has over 250 bytes`);
    const { json, streams } = writeParameters(method, args);
    return this.#request(method, name, json, streams, options, sent);
  }

  /** Makes a call of the framework's own, with bytes. It is never refused. */
  ask(name: string, params: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#send({ method: { name }, resolve, reject, receiver: undefined, emitters: [], isCancelled: false }, encoder.encode(name), params, []);
    });
  }

  async #request(
    method: Method<any>,
    name: Uint8Array,
    json: Uint8Array<ArrayBuffer>,
    streams: ReturnType<typeof writeParameters>["streams"],
    options: CallOptions,
    sent: Sent | undefined,
  ): Promise<Uint8Array> {
    const link = this.#link;
    const timeout = options.timeout ?? method.deadline;
    const start = Date.now();
    const interrupted = new Interruption(options.signal, timeout, method.name);
    try {
      if (this.#waiting || link.sender.unsent > MAX_AHEAD) {
        this.#waiting++;
        try {
          await interrupted.race(link.sender.room(MAX_AHEAD));
        } finally {
          this.#waiting--;
        }
        if (this.refusal) throw this.refusal();
      }
      checkSize(`the call of ${method.name}`, 5 + name.length + json.length, link.remotePayload);
      const context = this.#context(options, timeout === undefined ? undefined : timeout - (Date.now() - start));
      return await new Promise<Uint8Array>((resolve, reject) => {
        let id = 0;
        const entries = new Writer();
        const emitters: Emitter[] = [];
        let receiver: Receiver<any> | undefined;
        try {
          if (streams.length > 1023) throw new EncodeError(`${method.name}: over 1,023 streams among the arguments`);
          for (const _ of streams) {
            const { emitter, window } = link.openEmitter();
            emitters.push(emitter);
            entries.u32(emitter.id).u8(0).u8(JSON_CODEC).u32(window);
          }
          if (method.items) {
            const opened = link.openReceiver(method, method.items, () => this.#cancel(id, new StreamError(`${method.name}: the stream was cancelled`)));
            receiver = opened.receiver;
            entries.u32(receiver.id).u8(7).u8(JSON_CODEC).u32(opened.window);
          }
        } catch (error) {
          for (const emitter of emitters) link.endEmitter(emitter, undefined);
          throw error;
        }
        const prefix = [];
        if (emitters.length || receiver) prefix.push(entries.packet(packetType.open));
        if (context) prefix.push(context.packet(packetType.context));
        id = this.#send({ method, resolve, reject, receiver, emitters, isCancelled: false }, name, json, prefix);
        sent?.(receiver);
        interrupted.on((reason) => this.#cancel(id, reason));
        emitters.forEach((emitter, at) => {
          const { source, type, name } = streams[at]!;
          void link.emit(emitter, source, type, name, (error) => toErrorData(error, name).data);
        });
      });
    } finally {
      interrupted.end();
    }
  }

  #context(options: CallOptions, timeout: number | undefined): Writer | undefined {
    if (this.#link.accepts(packetType.context)) return writeContext(options, timeout);
    if (options.metadata && Object.keys(options.metadata).length) {
      throw new FrameworkError(frameworkCodes.unsupported, "the other side does not accept metadata");
    }
    return undefined;
  }

  #send(call: Call, name: Uint8Array, params: Uint8Array<ArrayBuffer>, prefix: readonly Uint8Array<ArrayBuffer>[]): number {
    do this.#id = (this.#id + 1) >>> 0;
    while (this.#calls.has(this.#id));
    this.#calls.set(this.#id, call);
    for (const packet of prefix) this.#link.sender.write(packet);
    this.#link.sender.write(new Writer().u32(this.#id).u8(name.length).bytes(name).bytes(params).packet(packetType.request));
    return this.#id;
  }

  /** Ends a call for its caller, and asks the other side to end it. */
  #cancel(id: number, reason: unknown): void {
    const call = this.#calls.get(id);
    if (!call || call.isCancelled) return;
    call.isCancelled = true;
    call.reject(reason);
    if (call.receiver) this.#link.endReceiver(call.receiver, reason);
    for (const emitter of call.emitters) this.#link.endEmitter(emitter, endReason.cancelled);
    this.#link.sender.write(new Writer().u32(id).packet(packetType.cancel));
    if (++this.#cancelled > MAX_UNANSWERED_CANCELS) this.#fatal(`${MAX_UNANSWERED_CANCELS} cancelled calls were not answered`);
  }

  onResponse({ payload, tooLarge }: Packet): void {
    const reader = new Reader(payload, "response");
    const id = reader.u32();
    const call = this.#calls.get(id);
    if (tooLarge) {
      if (call) this.#settle(id, call, new LimitError(`the result of ${call.method.name} is over the limit of ${this.#link.maxPayload} bytes`, false));
      return;
    }
    const code = reader.u8();
    if (code > 4) reader.fail(`the result code ${code} is not defined`);
    const data = code === resultCode.error ? readErrorData(reader) : undefined;
    if (!call) return;
    this.#settle(id, call, code === resultCode.success ? reader.rest() : responseError(code, data, call.method));
  }

  #settle(id: number, call: Call, outcome: Uint8Array | ChirpError): void {
    this.#calls.delete(id);
    if (call.isCancelled) this.#cancelled--;
    const { receiver, method } = call;
    if (outcome instanceof Uint8Array) {
      if (receiver && !receiver.isEnded) this.#link.endReceiver(receiver, new StreamError(`the stream of ${method.name} ended before its last item`));
      call.resolve(outcome);
    } else {
      if (receiver) this.#link.endReceiver(receiver, outcome);
      call.reject(outcome);
    }
    this.#link.onStreamEnd();
  }

  /** Ends all calls with the connection. */
  end(error: ChirpError): void {
    this.refusal ??= () => new NotConnectedError(error.message);
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}

/** The signal and the time limit of a call. */
class Interruption {
  readonly #signal: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #abort = () => this.#fire(this.#signal!.reason);
  #handler: ((reason: unknown) => void) | undefined;

  constructor(signal: AbortSignal | undefined, timeout: number | undefined, method: string) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    // Timers take 31 bits: a longer time is as good as none.
    if (timeout !== undefined && timeout <= 0x7fff_ffff) {
      this.#timer = setTimeout(() => this.#fire(new DeadlineExceededError(`${method}: no answer within ${timeout} ms`)), timeout);
    }
  }

  #fire(reason: unknown): void {
    this.#handler?.(reason);
  }

  /** Calls `handler` when the call is interrupted. */
  on(handler: (reason: unknown) => void): void {
    this.#handler = handler;
    if (this.#signal?.aborted) handler(this.#signal.reason);
  }

  /** Waits for `promise`, or rejects when the call is interrupted. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.on(reject);
      promise.then(resolve, reject);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#handler = undefined;
  }
}
