import { MAX_METADATA, type RequestContext } from "./context.js";
import { CancelledError, ChirpError, DeadlineExceededError, FrameworkError, overLimit, DEADLINE_EXCEEDED, INVALID_ARGUMENTS, METADATA_TOO_LARGE, OVERLOADED, TOO_LARGE, UNKNOWN_STREAM, UNSUPPORTED } from "./errors.js";
import { JSON_CODEC, type Link, type OpenedStream } from "./link.js";
import { decodeText, ITEMS, RESPONSE, u16, u32, u8, writeErrorData, type ErrorData, type Packet, type Part } from "./packets.js";
import type { Peer } from "./peer.js";
import { frameworkError, invalidArguments, CANCELLED_CALL, DUPLICATE, SERVICE_ERROR, SUCCESS, UNKNOWN_METHOD, toErrorData, type Report } from "./remote_errors.js";
import { readParameters, type CallContext, type HandlerFunction, type Method, type Service } from "./service.js";
import { encode, CANCELLED, FINISHED, type Emitter, type Items, type Receiver } from "./streams.js";
import { watch } from "./transport.js";
import { unit } from "./types.js";

/** The parameters of running calls, in bytes. */
const MAX_HELD = 32 << 20;
/** How many bytes may be unsent before requests are refused. */
const MAX_UNSENT = 8 << 20;

interface Served {
  readonly method: Method<any>;
  readonly handle: HandlerFunction;
}

interface Call {
  readonly id: number;
  readonly controller: AbortController;
  /** The arguments that are streams, and those of them that the response ends. */
  readonly receivers: Receiver<any>[];
  readonly bound: Receiver<any>[];
  emitter?: Emitter;
  /** Ends the deadline. */
  unwatch?: () => void;
}

/** The calls of the other side. */
export class InboundCalls {
  readonly #link: Link;
  readonly #peer: Peer;
  readonly #maxRunning: number;
  readonly #report: Report;
  readonly #served = new Map<string, Served>();
  readonly #calls = new Map<number, Call>();
  #running = 0;
  #held = 0;

  constructor(link: Link, peer: Peer, maxRunning: number, report: Report) {
    this.#link = link;
    this.#peer = peer;
    this.#maxRunning = maxRunning;
    this.#report = report;
  }

  /** Calls that have not been answered. */
  get size(): number {
    return this.#calls.size;
  }

  get servesNothing(): boolean {
    return !this.#served.size;
  }

  /** Serves methods. */
  serve({ methods }: Service): void {
    for (const { method, handle } of methods) {
      for (const name of [method.name, ...(method.aliases ?? [])]) {
        if (this.#served.has(`${name};json`)) throw new TypeError(`the method ${name} is served already`);
        this.#served.set(`${name};json`, { method, handle });
        if (method.json) this.#served.set(name, { method, handle });
      }
    }
  }

  /** Answers a request, or starts its handler. `hello` answers the parameters of a hello. */
  onRequest({ reader, tooLarge }: Packet, streams: readonly OpenedStream[], context: RequestContext | undefined, hello: (parameters: Uint8Array) => Part | undefined): void {
    const link = this.#link;
    const id = reader.u32();
    const refuse = (code: number, data: Part = []) => {
      link.refuse(streams);
      this.#respond(id, code, data);
    };
    const fail = (code: number, description: string, limit?: number) => refuse(SERVICE_ERROR, writeErrorData(frameworkError(code, description, limit)));
    const earlier = this.#calls.get(id);
    if (earlier) {
      this.#finish(earlier, DUPLICATE);
      earlier.controller.abort(new CancelledError("duplicate request"));
      return refuse(DUPLICATE);
    }
    if (tooLarge) return fail(TOO_LARGE, "too large", link.maxPayload);
    const name = decodeText(reader.bytes(reader.u8()));
    const parameters = reader.rest();
    if (name === "chirp.hello") {
      const answer = hello(parameters);
      return answer ? refuse(SUCCESS, answer) : fail(INVALID_ARGUMENTS, "invalid hello");
    }
    if (this.#running >= this.#maxRunning || this.#held > MAX_HELD || link.sender.unsent > MAX_UNSENT) {
      return fail(OVERLOADED, "too many calls");
    }
    const served = this.#served.get(name);
    if (!served) return refuse(UNKNOWN_METHOD);
    if (context?.unsupported) return fail(UNSUPPORTED, "unknown context field");
    if (context && context.metadataSize > MAX_METADATA) return fail(METADATA_TOO_LARGE, "too large: the metadata", MAX_METADATA);
    if (context?.timeout === 0) return fail(DEADLINE_EXCEEDED, "the deadline has passed");
    this.#start(id, served, parameters, streams, context);
  }

  #start(id: number, { method, handle }: Served, parameters: Uint8Array, streams: readonly OpenedStream[], context: RequestContext | undefined): void {
    const link = this.#link;
    const call: Call = { id, controller: new AbortController(), receivers: [], bound: [] };
    const result = streams.find((stream) => stream.result);
    const opened = new Set(streams.filter((stream) => stream !== result));
    const arguable = [...opened];
    let args: unknown[];
    try {
      if (!result === !!method.items || (result && result.codec !== JSON_CODEC)) {
        throw new FrameworkError(UNSUPPORTED, `result of ${method.name}: ${method.items ? "a" : "no"} stream of JSON`);
      }
      args = readParameters(method, parameters, (index, { name, type }) => {
        const stream = arguable[index];
        if (!stream || stream.toOpener || stream.codec !== JSON_CODEC || !opened.has(stream)) {
          throw new FrameworkError(UNKNOWN_STREAM, `argument ${name} of ${method.name} is no stream of JSON`);
        }
        const receiver = link.acceptReceiver(stream, method, type);
        opened.delete(stream);
        call.receivers.push(receiver);
        if (stream.bound) call.bound.push(receiver);
        return receiver;
      });
    } catch (error) {
      link.refuse(opened);
      this.#respond(id, SERVICE_ERROR, writeErrorData(invalidArguments(error)));
      return this.#endStreams(call);
    }
    link.refuse(opened);
    this.#calls.set(id, call);
    if (result) call.emitter = link.acceptEmitter(result);
    const { timeout } = context ?? {};
    call.unwatch = watch(
      (error) => {
        this.#fail(call, frameworkError(DEADLINE_EXCEEDED, (error as Error).message));
        call.controller.abort(error);
      },
      timeout,
      () => new DeadlineExceededError("the deadline has passed"),
    );
    this.#running++;
    this.#held += parameters.length;
    void this.#run(call, method, () => handle(...args, this.#contextOf(call, method, context))).finally(() => {
      this.#running--;
      this.#held -= parameters.length;
    });
  }

  async #run(call: Call, method: Method<any>, handle: () => unknown): Promise<void> {
    const link = this.#link;
    const { emitter } = call;
    try {
      const value = await handle();
      let result: Part = [];
      if (emitter) {
        // Tells the caller that the method has returned its stream.
        if (!emitter.isStopped) link.sender.send(ITEMS, u32(emitter.id), u16(0));
        await emitter.pump(value as Items<unknown>, method.items!, method.name, link.remotePayload);
        link.endEmitter(emitter, emitter.isStopped ? CANCELLED : FINISHED);
      } else if (!method.oneWay) {
        result = encode(method.result ?? unit, value, `result of ${method.name}`);
        if (result.length + 5 > link.remotePayload) {
          throw overLimit(`result of ${method.name}`, result.length, link.remotePayload - 5);
        }
      }
      this.#finish(call, SUCCESS, result);
    } catch (error) {
      if (this.#calls.get(call.id) !== call) return;
      this.#fail(call, toErrorData(error, method.name, this.#report));
    }
  }

  #contextOf({ controller: { signal } }: Call, { name: method }: Method<any>, context: RequestContext | undefined): CallContext {
    const { timeout, metadata = new Map<string, Uint8Array[]>() } = context ?? {};
    const deadline = timeout === undefined ? undefined : Date.now() + timeout;
    return { signal, peer: this.#peer, method, metadata, deadline };
  }

  #fail(call: Call, error: ErrorData): void {
    this.#finish(call, SERVICE_ERROR, writeErrorData(error));
  }

  /** Answers a call, once. */
  #finish(call: Call, code: number, data: Part = []): void {
    if (this.#calls.get(call.id) !== call) return;
    this.#calls.delete(call.id);
    call.unwatch?.();
    this.#respond(call.id, code, data);
    this.#endStreams(call);
    this.#link.onEnd();
  }

  /** Ends what the response ends, for both sides, and the other arguments, which nothing else would end if the handler left them alone. */
  #endStreams({ emitter, receivers, bound }: Call): void {
    if (emitter) this.#link.endEmitter(emitter);
    for (const receiver of bound) this.#link.endReceiver(receiver, new CancelledError("the call has ended"));
    for (const receiver of receivers) receiver.cancel();
  }

  #respond(id: number, code: number, data: Part): void {
    this.#link.sender.send(RESPONSE, u32(id), u8(code), data);
  }

  onCancel({ reader }: Packet): void {
    const call = this.#calls.get(reader.u32());
    if (!call) return;
    this.#finish(call, CANCELLED_CALL);
    call.controller.abort(new CancelledError("cancelled by the other side"));
  }

  /** Interrupts all handlers with the connection. */
  end(error: ChirpError): void {
    for (const { unwatch, controller } of this.#calls.values()) {
      unwatch?.();
      controller.abort(error);
    }
    this.#calls.clear();
  }
}
