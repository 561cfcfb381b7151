import { DecodeError, EncodeError, type ErrorClass } from "./errors.js";
import { own, writeJson, type Json } from "./json.js";
import { encodeText } from "./packets.js";
import type { Peer } from "./peer.js";
import { decode, type Items, type ItemStream } from "./streams.js";
import { any, type Type } from "./types.js";

/** An argument of a method. */
export interface Parameter {
  readonly name: string;
  /** The type of the argument, or of its items if it is a stream. */
  readonly type: Type<any>;
  /** Whether the argument may be left out. */
  readonly optional?: true;
  /** Whether the argument is a stream of values. */
  readonly stream?: true;
}

/** A method: its name, and the types of its values. */
export interface Method<T = unknown> {
  /** The whole name, such as `Arith.sum_diff`. */
  readonly name: string;
  /** Other names by which a handler is called. */
  readonly aliases?: readonly string[];
  readonly parameters?: readonly Parameter[];
  /** Whether the only argument is all of the parameters. */
  readonly params?: true;
  /** The type of the result. `unit` if it is left out. */
  readonly result?: Type<T>;
  /** The type of the items, if the result is a stream. */
  readonly items?: Type<T>;
  /** Whether the method has no result, and its end is of no interest. */
  readonly oneWay?: true;
  /** Whether the method may be called again if it may have run. */
  readonly idempotent?: true;
  /** The time limit of a call in milliseconds, unless the call has one. */
  readonly deadline?: number;
  /** The classes of the errors that the method returns. */
  readonly errors?: readonly ErrorClass[];
  /** Whether the method is called with JSON by its bare name, too: the codec of its service is JSON. */
  readonly json?: true;
}

/** Describes a method of which only the name is known. Its one argument is an object or an array of all arguments. */
export function untyped(name: string, options: { readonly items?: boolean; readonly oneWay?: true } = {}): Method {
  const { items, ...rest } = options;
  const parameters = [{ name: "arguments", type: any, optional: true }] as const;
  return { name, parameters, params: true, ...rest, ...(items ? { items: any } : { result: any }) };
}

/** Settings of a single call. */
export interface CallOptions {
  /** Cancels the call. It then rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** The time limit in milliseconds. The other side is told. */
  readonly timeout?: number | undefined;
  /** Values for the handler beside the arguments. */
  readonly metadata?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** Whether the call may be made again if it may have run. The default is the method's. Only `ReconnectingPeer` does so. */
  readonly idempotent?: boolean | undefined;
}

/** The circumstances of a call that a handler answers. */
export interface CallContext {
  /** Is aborted when the caller cancels, the deadline passes, or the connection ends. The answer is then of no interest. */
  readonly signal: AbortSignal;
  /** The side that called, which can be called back. */
  readonly peer: Peer;
  /** The name of the method. */
  readonly method: string;
  /** When the caller's time is over, in milliseconds since the epoch as `Date.now()` counts them. */
  readonly deadline: number | undefined;
  /** What the caller sent beside the arguments. A key may have several values. */
  readonly metadata: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** A side that can be called: a `Peer`, or a `ReconnectingPeer`. */
export interface Caller {
  /** Calls a method whose result is one value. */
  call<T>(method: Method<T>, args: readonly unknown[], options?: CallOptions): Promise<T>;
  /** Calls a method whose result is a stream, at once. Errors of the call come from the stream. */
  stream<T>(method: Method<T>, args: readonly unknown[], options?: CallOptions): ItemStream<T>;
  /** Calls a one-way method. Resolves when the call has been written. */
  send(method: Method<any>, args: readonly unknown[], options?: CallOptions): Promise<void>;
}

/** A function that answers calls of a method. */
export type HandlerFunction = (...args: any[]) => unknown;

/** Methods with their handlers. */
export interface Service {
  readonly methods: readonly { readonly method: Method<any>; readonly handle: HandlerFunction }[];
}

/** Creates a service: the property `name` of `handler` answers the method `methods[name]`. */
export function service(methods: { readonly [name: string]: Method<any> }, handler: object): Service {
  const functions = handler as Record<string, HandlerFunction | undefined>;
  return {
    methods: Object.entries(methods).map(([name, method]) => {
      const handle = functions[name];
      if (typeof handle !== "function") throw new TypeError(`the handler has no method ${JSON.stringify(name)}`);
      return { method, handle: handle.bind(handler) };
    }),
  };
}

/** A stream among the arguments of a call. */
export interface StreamArgument {
  readonly source: Items<unknown>;
  readonly type: Type<any>;
  readonly name: string;
}

/** Writes arguments as parameters. Streams among them are given back, in the order of their numbers. */
export function writeParameters(method: Method<any>, args: readonly unknown[]): { json: Uint8Array<ArrayBuffer>; streams: StreamArgument[] } {
  const streams: StreamArgument[] = [];
  const parameters = method.parameters ?? [];
  const written = parameters.map((parameter, at): Json | undefined => {
    const value = args[at];
    const name = `argument ${parameter.name} of ${method.name}`;
    if (value === undefined && (parameter.optional || parameter.type.nullable)) return undefined;
    if (!parameter.stream) return parameter.type.convert(value, name, true);
    if (!(value as any)?.[Symbol.asyncIterator] && !(value as any)?.[Symbol.iterator]) {
      throw new EncodeError(`${name}: expected an iterable`);
    }
    return streams.push({ source: value as Items<unknown>, type: parameter.type, name }) - 1;
  });
  const whole = method.params ? written[0] : Object.fromEntries(parameters.map(({ name }, at) => [name, written[at]]));
  return { json: encodeText(whole === undefined ? "" : writeJson(whole)), streams };
}

/** Reads parameters as arguments. `stream` is asked for the stream of each number. */
export function readParameters(method: Method<any>, json: Uint8Array, stream: (index: number, parameter: Parameter) => unknown): unknown[] {
  const whole = json.length ? decode(any as Type<Json>, json, method.name) : undefined;
  const parameters = method.parameters ?? [];
  const read = (parameter: Parameter, value: Json | undefined): unknown => {
    const name = `argument ${parameter.name} of ${method.name}`;
    if (value === undefined) {
      if (parameter.optional) return undefined;
      if (parameter.type.nullable) return null;
      throw new DecodeError(`${name}: expected a value`);
    }
    return parameter.stream ? stream(value as number, parameter) : parameter.type.convert(value, name, false);
  };
  if (method.params) return parameters.map((parameter) => read(parameter, whole ?? (parameter.optional ? undefined : null)));
  if (whole !== undefined && (typeof whole !== "object" || whole === null)) {
    throw new DecodeError(`${method.name}: expected an object or an array`);
  }
  return parameters.map((parameter, at) => {
    if (Array.isArray(whole)) return read(parameter, whole[at]);
    return read(parameter, whole && own(whole, parameter.name));
  });
}
