import type { RequestContext } from "./context.js";
import { CancelledError, ChirpError, DeadlineExceededError, FrameworkError, frameworkCodes } from "./errors.js";
import { JSON_CODEC, type Link, type OpenedStream } from "./link.js";
import { packetType, Reader, Writer, writeErrorData, type ErrorData, type Packet } from "./packets.js";
import type { Peer } from "./peer.js";
import { frameworkError, invalidArguments, resultCode, toErrorData } from "./remote_errors.js";
import { readParameters, type CallContext, type HandlerFunction, type Method, type Service } from "./service.js";
import { encode, endReason, type Emitter, type Items, type Receiver } from "./streams.js";
import { unit } from "./types.js";

/** The parameters of running calls, in bytes. */
const MAX_HELD = 32 << 20;
/** How many bytes may be unsent before requests are refused. */
const MAX_UNSENT = 8 << 20;
/** The metadata of a request, at most. */
const MAX_METADATA = 8192;

interface Served {
  readonly method: Method<any>;
  readonly handle: HandlerFunction;
}

interface Call {
  readonly id: number;
  readonly controller: AbortController;
  readonly receivers: Receiver<any>[];
  emitter?: Emitter;
  timer?: ReturnType<typeof setTimeout>;
}

/** A request with what came before it. */
export interface InboundRequest {
  readonly packet: Packet;
  readonly streams: readonly OpenedStream[];
  readonly context: RequestContext | undefined;
}

/** The calls of the other side. */
export class InboundCalls {
  readonly #link: Link;
  readonly #peer: Peer;
  readonly #maxRunning: number;
  readonly #report: (error: unknown, method: string) => void;
  readonly #served = new Map<string, Served>();
  readonly #calls = new Map<number, Call>();
  #running = 0;
  #held = 0;

  constructor(link: Link, peer: Peer, maxRunning: number, report: (error: unknown, method: string) => void) {
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
    return this.#served.size === 0;
  }

  /** Serves methods. */
  serve({ methods }: Service): void {
    const added = new Map<string, Served>();
    for (const { method, handle } of methods) {
      for (const name of [method.name, ...(method.aliases ?? [])]) {
        const names = method.json ? [name, `${name};json`] : [`${name};json`];
        for (const each of names) {
          if (added.has(each) || this.#served.has(each)) throw new TypeError(`the method ${JSON.stringify(name)} is served already`);
          added.set(each, { method, handle });
        }
      }
    }
    for (const [name, served] of added) this.#served.set(name, served);
  }

  onRequest({ packet, streams, context }: InboundRequest, hello: (parameters: Uint8Array) => Uint8Array | undefined): void {
    const reader = new Reader(packet.payload, "request");
    const id = reader.u32();
    const refuse = (code: number, data?: ErrorData) => {
      this.#link.refuse(streams);
      this.#respond(id, code, undefined, data);
    };
    const fail = (code: number, description: string, limit?: number) => refuse(resultCode.error, frameworkError(code, description, limit));
    const earlier = this.#calls.get(id);
    if (earlier) {
      this.#finish(earlier, resultCode.duplicate);
      earlier.controller.abort(new CancelledError("the number of the call was used again"));
      return refuse(resultCode.duplicate);
    }
    if (packet.tooLarge) {
      return fail(frameworkCodes.tooLarge, `the request is over the limit of ${this.#link.maxPayload} bytes`, this.#link.maxPayload);
    }
    const name = new TextDecoder().decode(reader.bytes(reader.u8()));
    const parameters = reader.rest();
    if (name === "chirp.hello") {
      const answer = hello(parameters);
      this.#link.refuse(streams);
      if (!answer) return fail(frameworkCodes.invalidArguments, "not a hello");
      return this.#respond(id, resultCode.success, answer);
    }
    if (context?.unsupported) return fail(frameworkCodes.unsupported, "the context of the call has a field that must be understood");
    if (metadataSize(context) > MAX_METADATA) {
      return fail(frameworkCodes.metadataTooLarge, `the metadata are over the limit of ${MAX_METADATA} bytes`, MAX_METADATA);
    }
    if (this.#running >= this.#maxRunning || this.#held > MAX_HELD || this.#link.sender.unsent > MAX_UNSENT) {
      return fail(frameworkCodes.overloaded, "this side has as many calls as it takes");
    }
    const served = this.#served.get(name);
    if (!served) return refuse(resultCode.unknownMethod);
    if (context?.timeout === 0) return fail(frameworkCodes.deadlineExceeded, "the deadline passed before the call began");
    this.#start(id, served, parameters, streams, context);
  }

  #start(id: number, { method, handle }: Served, parameters: Uint8Array, streams: readonly OpenedStream[], context: RequestContext | undefined): void {
    const link = this.#link;
    const controller = new AbortController();
    const call: Call = { id, controller, receivers: [] };
    const opened = new Set(streams);
    const taken: Receiver<any>[] = [];
    let args: unknown[];
    let result: OpenedStream | undefined;
    try {
      result = streams.find((stream) => stream.result);
      if (!result !== !method.items || (result && result.codec !== JSON_CODEC)) {
        throw new FrameworkError(frameworkCodes.unsupported, `${method.name} ${method.items ? "has a stream of JSON" : "has no stream"} as its result`);
      }
      if (result) opened.delete(result);
      const arguable = streams.filter((stream) => !stream.result);
      args = readParameters(method, parameters, (index, parameter) => {
        const stream = arguable[index];
        if (!stream || stream.toOpener || stream.codec !== JSON_CODEC || !opened.delete(stream)) {
          throw new FrameworkError(frameworkCodes.unknownStream, `argument ${parameter.name} of ${method.name} is no stream of JSON items to this side`);
        }
        const receiver = link.acceptReceiver(stream, method, parameter.type);
        taken.push(receiver);
        if (stream.bound) call.receivers.push(receiver);
        return receiver;
      });
    } catch (error) {
      for (const receiver of taken) receiver.cancel();
      link.refuse(opened);
      this.#respond(id, resultCode.error, undefined, invalidArguments(error));
      return;
    }
    link.refuse(opened);
    this.#calls.set(id, call);
    if (result) call.emitter = link.acceptEmitter(result);
    if (context?.timeout !== undefined && context.timeout <= 0x7fff_ffff) {
      call.timer = setTimeout(() => this.#expire(call, method), context.timeout);
    }
    this.#running++;
    this.#held += parameters.length;
    void this.#run(call, method, () => handle(...args, this.#contextOf(call, method, context))).finally(() => {
      this.#running--;
      this.#held -= parameters.length;
      // A handler that has ended needs its streams no longer, unless it has given them away. Those end by themselves.
    });
  }

  async #run(call: Call, method: Method<any>, handle: () => unknown): Promise<void> {
    const link = this.#link;
    try {
      const value = await handle();
      const { emitter } = call;
      let result = new Uint8Array(0);
      if (emitter) {
        if (emitter.isStopped) return;
        // Tells the caller that the method has returned its stream.
        link.sender.write(new Writer().u32(emitter.id).u16(0).packet(packetType.items));
        await emitter.pump(value as Items<unknown>, method.items!, method.name, link.remotePayload);
        link.endEmitter(emitter, emitter.isStopped ? endReason.cancelled : endReason.finished);
      } else if (!method.oneWay) {
        result = encode(method.result ?? unit, value, `result of ${method.name}`);
        if (result.length + 5 > link.remotePayload) {
          const text = `the result of ${method.name} has ${result.length} bytes, over the limit of the caller`;
          return this.#finish(call, resultCode.error, undefined, frameworkError(frameworkCodes.invalidResult, text));
        }
      }
      this.#finish(call, resultCode.success, result);
    } catch (error) {
      if (this.#calls.get(call.id) !== call) return;
      const { data, expected } = toErrorData(error, method.name);
      if (!expected) this.#report(error, method.name);
      this.#finish(call, resultCode.error, undefined, data);
    }
  }

  #contextOf(call: Call, method: Method<any>, context: RequestContext | undefined): CallContext {
    const { timeout, traceparent, tracestate, metadata } = context ?? {};
    return {
      signal: call.controller.signal,
      peer: this.#peer,
      method: method.name,
      metadata: metadata ?? new Map<string, Uint8Array[]>(),
      ...(timeout !== undefined && { deadline: Date.now() + timeout }),
      ...(traceparent !== undefined && { traceparent }),
      ...(tracestate !== undefined && { tracestate }),
    };
  }

  #expire(call: Call, method: Method<any>): void {
    const text = `the deadline of the call of ${method.name} passed`;
    this.#finish(call, resultCode.error, undefined, frameworkError(frameworkCodes.deadlineExceeded, text));
    call.controller.abort(new DeadlineExceededError(text));
  }

  /** Answers a call, once. */
  #finish(call: Call, code: number, result?: Uint8Array, error?: ErrorData): void {
    if (this.#calls.get(call.id) !== call) return;
    this.#calls.delete(call.id);
    clearTimeout(call.timer);
    this.#respond(call.id, code, result, error);
    // The response ends the streams of the call, for both sides.
    if (call.emitter) this.#link.endEmitter(call.emitter, undefined);
    for (const receiver of call.receivers) this.#link.endReceiver(receiver, new CancelledError("the call of the stream has ended"));
    this.#link.onStreamEnd();
  }

  #respond(id: number, code: number, result?: Uint8Array, error?: ErrorData): void {
    const writer = new Writer().u32(id).u8(code);
    if (result) writer.bytes(result);
    if (error) writeErrorData(writer, error);
    this.#link.sender.write(writer.packet(packetType.response));
  }

  onCancel({ payload }: Packet): void {
    const call = this.#calls.get(new Reader(payload, "cancel").u32());
    if (!call) return;
    this.#finish(call, resultCode.cancelled);
    call.controller.abort(new CancelledError("the caller cancelled the call"));
  }

  /** Interrupts all handlers with the connection. */
  end(error: ChirpError): void {
    for (const call of [...this.#calls.values()]) {
      this.#calls.delete(call.id);
      clearTimeout(call.timer);
      call.controller.abort(error);
    }
  }
}

function metadataSize(context: RequestContext | undefined): number {
  let size = 0;
  for (const [key, values] of context?.metadata ?? []) {
    for (const value of values) size += 4 + new TextEncoder().encode(key).length + value.length;
  }
  return size;
}
