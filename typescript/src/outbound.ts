import { writeContext } from "./context.js";
import { ChirpError, DeadlineExceededError, EncodeError, FrameworkError, UNSUPPORTED, LimitError, overLimit, StreamError } from "./errors.js";
import { JSON_CODEC, type Link } from "./link.js";
import { encodeText, CANCEL, CONTEXT, REQUEST, STREAM_OPEN, readErrorData, u32, u8, type Packet, type Part } from "./packets.js";
import { responseError, SERVICE_ERROR, toErrorData, type Report } from "./remote_errors.js";
import { writeParameters, type CallOptions, type Method, type StreamArgument } from "./service.js";
import { CANCELLED, WINDOW, type Emitter, type Receiver } from "./streams.js";
import { watch } from "./transport.js";

/** How many bytes may be unsent before calls wait. */
const MAX_AHEAD = 2 << 20;
/** Calls that were cancelled and not answered, at most. */
const MAX_UNANSWERED_CANCELS = 16_384;

interface Call {
  readonly method: Method<any>;
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  readonly receiver?: Receiver<any> | undefined;
  readonly emitters: Emitter[];
}

/** The calls of this side. */
export class OutboundCalls {
  readonly #link: Link;
  readonly #maxPending: number;
  readonly #fatal: (reason: string) => void;
  readonly #report: Report;
  readonly #calls = new Map<number, Call>();
  /** The numbers of calls whose answers are of no interest. */
  readonly #cancelled = new Set<number>();
  #id = 0;
  #waiting = 0;
  /** The reason why a call cannot be made, if there is one. */
  refusal: () => ChirpError | undefined = () => undefined;

  constructor(link: Link, maxPending: number, fatal: (reason: string) => void, report: Report) {
    this.#link = link;
    this.#maxPending = maxPending;
    this.#fatal = fatal;
    this.#report = report;
  }

  /** Calls that have not been answered, or not been sent. */
  get size(): number {
    return this.#calls.size + this.#cancelled.size + this.#waiting;
  }

  /** Makes a call. The promise has the bytes of the result. `sent` is called when the request is written. */
  async call(method: Method<any>, args: readonly unknown[], options: CallOptions, receiver?: Receiver<any>, sent?: () => void): Promise<Uint8Array> {
    const { signal, timeout = method.deadline } = options;
    const { sender, remotePayload } = this.#link;
    signal?.throwIfAborted();
    this.#check();
    if (this.size >= this.#maxPending) throw new LimitError(`too many calls: ${this.#maxPending} are pending`);
    const name = encodeText(`${method.name};json`);
    if (name.length > 255) throw new EncodeError(`the method name is too long: ${method.name}`);
    const { json, streams } = writeParameters(method, args);
    const size = 5 + name.length + json.length;
    if (size > remotePayload) throw overLimit(`the call of ${method.name}`, size, remotePayload);

    const start = Date.now();
    let isInterrupted = false;
    let interrupt: (reason: unknown) => void = () => {};
    if (receiver) receiver.onCancel = () => interrupt(new StreamError(`the stream of ${method.name} was cancelled`));
    const late = () => new DeadlineExceededError(`${method.name}: no answer within ${timeout} ms`);
    const unwatch = watch((reason) => interrupt(reason), timeout, late, signal);
    try {
      return await new Promise((resolve, reject) => {
        interrupt = (reason) => {
          isInterrupted = true;
          reject(reason);
        };
        const send = () => {
          const id = this.#open({ method, resolve, reject, receiver, emitters: [] }, name, json, streams, options, timeout && timeout + start - Date.now());
          interrupt = (reason) => this.#cancel(id, reason);
          sent?.();
        };
        if (!this.#waiting && sender.unsent <= MAX_AHEAD) return send();
        this.#waiting++;
        sender
          .room(MAX_AHEAD)
          .then(() => {
            this.#waiting--;
            if (isInterrupted) return;
            this.#check();
            send();
          })
          .catch(reject);
      });
    } finally {
      unwatch();
    }
  }

  #check(): void {
    const error = this.refusal();
    if (error) throw error;
  }

  /** Makes a call of the framework's own, with bytes. It is never refused. */
  ask(name: string, parameters: Part): Promise<Uint8Array> {
    return new Promise((resolve, reject) => this.#send({ method: { name }, resolve, reject, emitters: [] }, encodeText(name), parameters));
  }

  /** Sends a request with what belongs to it. */
  #open(call: Call, name: Part, json: Part, streams: StreamArgument[], options: CallOptions, timeout: number | undefined): number {
    const link = this.#link;
    const { method, receiver, emitters } = call;
    const accepted = link.accepts(CONTEXT);
    if (!accepted && options.metadata) throw new FrameworkError(UNSUPPORTED, "the other side does not accept metadata");
    const context = accepted ? writeContext(options, timeout) : [];
    const entries: Part[] = [];
    try {
      if (streams.length > 1023) throw new EncodeError(`the arguments of ${method.name} have too many streams: ${streams.length}`);
      for (const _ of streams) {
        const { emitter, window } = link.openEmitter();
        emitters.push(emitter);
        entries.push(u32(emitter.id), u8(0), u8(JSON_CODEC), u32(window));
      }
      if (receiver) {
        link.openReceiver(receiver, method);
        entries.push(u32(receiver.id), u8(7), u8(JSON_CODEC), u32(WINDOW));
      }
    } catch (error) {
      for (const emitter of emitters) link.endEmitter(emitter);
      throw error;
    }
    if (entries.length) link.sender.send(STREAM_OPEN, ...entries);
    if (context.length) link.sender.send(CONTEXT, context);
    const id = this.#send(call, name, json);
    streams.forEach(({ source, type, name }, at) => {
      void link.emit(emitters[at]!, source, type, name, (error) => toErrorData(error, name, this.#report));
    });
    return id;
  }

  #send(call: Call, name: Part, parameters: Part): number {
    do this.#id = (this.#id + 1) >>> 0;
    while (this.#calls.has(this.#id) || this.#cancelled.has(this.#id));
    this.#calls.set(this.#id, call);
    this.#link.sender.send(REQUEST, u32(this.#id), u8(name.length), name, parameters);
    return this.#id;
  }

  /** Ends a call for its caller, and asks the other side to end it. */
  #cancel(id: number, reason: unknown): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#cancelled.add(id);
    this.#settle(id, call, reason);
    for (const emitter of call.emitters) this.#link.endEmitter(emitter, CANCELLED);
    this.#link.sender.send(CANCEL, u32(id));
    if (this.#cancelled.size > MAX_UNANSWERED_CANCELS) this.#fatal("the other side does not answer cancelled calls");
  }

  onResponse({ reader, tooLarge }: Packet): void {
    const id = reader.u32();
    const call = this.#calls.get(id);
    this.#cancelled.delete(id);
    if (tooLarge) {
      if (call) this.#settle(id, call, new LimitError(`result of ${call.method.name}: over the limit of ${this.#link.maxPayload} bytes`, false));
      return;
    }
    const code = reader.u8();
    if (code > SERVICE_ERROR) reader.fail(`the result code is ${code}`);
    const error = code === SERVICE_ERROR ? readErrorData(reader) : undefined;
    if (call) this.#settle(id, call, code ? responseError(code, error, call.method) : undefined, reader.rest());
    else this.#link.onEnd();
  }

  #settle(id: number, { method, receiver, resolve, reject }: Call, error: unknown, result?: Uint8Array): void {
    this.#calls.delete(id);
    // After its last item, a stream has ended already.
    if (receiver) this.#link.endReceiver(receiver, error ?? new StreamError(`the stream of ${method.name} was broken off`));
    if (result && !error) resolve(result);
    else reject(error);
    this.#link.onEnd();
  }

  /** Ends all calls with the connection. */
  end(error: ChirpError): void {
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    this.#cancelled.clear();
  }
}
