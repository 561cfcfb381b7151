// The service of `examples/typescript.rs`, as generated code looks.
import {
  errorClass,
  service,
  t,
  type CallContext,
  type Caller,
  type CallOptions,
  type Items,
  type ItemStream,
  type Method,
  type Service,
} from "chirp-rpc";

export interface SumDiff {
  sum: bigint;
  diff: bigint;
}
export const SumDiff: t.Type<SumDiff> = t.struct({ sum: t.i64, diff: t.i64 });

export class Overflow extends errorClass<{ readonly a: bigint; readonly b: bigint }>("Overflow", 17, t.struct({ a: t.i64, b: t.i64 })) {}
export class Stopped extends errorClass<[number]>("Stopped", 18, t.tuple(t.u32)) {}

const demo = {
  sumDiff: {
    name: "Demo.sum_diff",
    parameters: [
      { name: "a", type: t.i64 },
      { name: "b", type: t.i64 },
    ],
    result: SumDiff,
    errors: [Overflow, Stopped],
  } satisfies Method<SumDiff>,
  echo: { name: "Demo.echo", parameters: [{ name: "data", type: t.bytes }], result: t.bytes, idempotent: true } satisfies Method<Uint8Array>,
  optional: {
    name: "Demo.optional",
    parameters: [
      { name: "text", type: t.text },
      { name: "suffix", type: t.optional(t.text), optional: true },
    ],
    result: t.text,
  } satisfies Method<string>,
  count: { name: "Demo.count", parameters: [{ name: "to", type: t.u32 }], items: t.u32 } satisfies Method<number>,
  stop: { name: "Demo.stop", parameters: [{ name: "at", type: t.u32 }], items: t.u32, errors: [Overflow, Stopped] } satisfies Method<number>,
  total: {
    name: "Demo.total",
    parameters: [
      { name: "factor", type: t.u64 },
      { name: "numbers", type: t.u64, stream: true },
    ],
    result: t.u64,
  } satisfies Method<bigint>,
  double: { name: "Demo.double", parameters: [{ name: "numbers", type: t.u64, stream: true }], items: t.u64 } satisfies Method<bigint>,
  wait: { name: "Demo.wait" } satisfies Method<void>,
  interrupted: { name: "Demo.interrupted", result: t.u32 } satisfies Method<number>,
  limited: { name: "Demo.limited", deadline: 50 } satisfies Method<void>,
  note: { name: "Demo.note", parameters: [{ name: "text", type: t.text }], oneWay: true } satisfies Method<void>,
  notes: { name: "Demo.notes", result: t.list(t.text) } satisfies Method<string[]>,
  panics: { name: "Demo.panics" } satisfies Method<void>,
  sleep: { name: "Demo.sleep", parameters: [{ name: "millis", type: t.u64 }], result: t.u64 } satisfies Method<bigint>,
  metadata: { name: "Demo.metadata", parameters: [{ name: "key", type: t.text }], result: t.optional(t.text) } satisfies Method<string | null>,
  deadline: { name: "Demo.deadline", result: t.optional(t.u64) } satisfies Method<bigint | null>,
  greetMe: { name: "Demo.greet_me", parameters: [{ name: "name", type: t.text }], result: t.text } satisfies Method<string>,
  collect: { name: "Demo.collect", parameters: [{ name: "to", type: t.u32 }], result: t.list(t.u64) } satisfies Method<bigint[]>,
  feed: { name: "Demo.feed", parameters: [{ name: "to", type: t.u64 }], result: t.u64 } satisfies Method<bigint>,
  cancelMe: { name: "Demo.cancel_me" } satisfies Method<void>,
};

export class DemoClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  sumDiff(a: bigint, b: bigint, options?: CallOptions): Promise<SumDiff> {
    return this.#caller.call(demo.sumDiff, [a, b], options);
  }

  echo(data: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.#caller.call(demo.echo, [data], options);
  }

  optional(text: string, suffix?: string | null, options?: CallOptions): Promise<string> {
    return this.#caller.call(demo.optional, [text, suffix], options);
  }

  count(to: number, options?: CallOptions): ItemStream<number> {
    return this.#caller.stream(demo.count, [to], options);
  }

  stop(at: number, options?: CallOptions): ItemStream<number> {
    return this.#caller.stream(demo.stop, [at], options);
  }

  total(factor: bigint, numbers: Items<bigint>, options?: CallOptions): Promise<bigint> {
    return this.#caller.call(demo.total, [factor, numbers], options);
  }

  double(numbers: Items<bigint>, options?: CallOptions): ItemStream<bigint> {
    return this.#caller.stream(demo.double, [numbers], options);
  }

  wait(options?: CallOptions): Promise<void> {
    return this.#caller.call(demo.wait, [], options);
  }

  interrupted(options?: CallOptions): Promise<number> {
    return this.#caller.call(demo.interrupted, [], options);
  }

  limited(options?: CallOptions): Promise<void> {
    return this.#caller.call(demo.limited, [], options);
  }

  note(text: string, options?: CallOptions): Promise<void> {
    return this.#caller.send(demo.note, [text], options);
  }

  notes(options?: CallOptions): Promise<string[]> {
    return this.#caller.call(demo.notes, [], options);
  }

  panics(options?: CallOptions): Promise<void> {
    return this.#caller.call(demo.panics, [], options);
  }

  sleep(millis: bigint, options?: CallOptions): Promise<bigint> {
    return this.#caller.call(demo.sleep, [millis], options);
  }

  metadata(key: string, options?: CallOptions): Promise<string | null> {
    return this.#caller.call(demo.metadata, [key], options);
  }

  deadline(options?: CallOptions): Promise<bigint | null> {
    return this.#caller.call(demo.deadline, [], options);
  }

  greetMe(name: string, options?: CallOptions): Promise<string> {
    return this.#caller.call(demo.greetMe, [name], options);
  }

  collect(to: number, options?: CallOptions): Promise<bigint[]> {
    return this.#caller.call(demo.collect, [to], options);
  }

  feed(to: bigint, options?: CallOptions): Promise<bigint> {
    return this.#caller.call(demo.feed, [to], options);
  }

  cancelMe(options?: CallOptions): Promise<void> {
    return this.#caller.call(demo.cancelMe, [], options);
  }
}

export interface PageHandler {
  greet(name: string, context: CallContext): string | Promise<string>;
  count(to: number, context: CallContext): Items<bigint> | Promise<Items<bigint>>;
  total(numbers: ItemStream<bigint>, context: CallContext): bigint | Promise<bigint>;
  wait(context: CallContext): void | Promise<void>;
}

const page = {
  greet: { name: "Page.greet", parameters: [{ name: "name", type: t.text }], result: t.text } satisfies Method<string>,
  count: { name: "Page.count", parameters: [{ name: "to", type: t.u32 }], items: t.u64 } satisfies Method<bigint>,
  total: { name: "Page.total", parameters: [{ name: "numbers", type: t.u64, stream: true }], result: t.u64 } satisfies Method<bigint>,
  wait: { name: "Page.wait" } satisfies Method<void>,
};

export function pageService(handler: PageHandler): Service {
  return service(page, handler);
}
