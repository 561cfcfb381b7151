// Tests that run in Node and in browsers, against `examples/typescript.rs`.
import {
  DeadlineExceededError,
  EncodeError,
  FrameworkError,
  LimitError,
  NotConnectedError,
  ServiceError,
  UnknownMethodError,
  untyped,
  type CallContext,
  type ConnectOptions,
  type Peer,
  type WebSocketConstructor,
} from "chirp-rpc";
import { equal, ok, pause, rejects, until } from "./check.js";
import { DemoClient, Overflow, pageService, Stopped, type PageHandler } from "./demo.js";

export interface Environment {
  /** Connects to the server. */
  connect(options?: ConnectOptions): Promise<Peer>;
}

/** The constructors of browsers can be given. */
export const constructors: (WebSocketConstructor | undefined)[] = [globalThis.WebSocket];

export interface Test {
  readonly name: string;
  run(environment: Environment): Promise<void>;
}

export const tests: Test[] = [];

/** Adds a test with a connection of its own. */
function test(name: string, run: (demo: DemoClient, peer: Peer) => Promise<void>, options?: () => ConnectOptions): void {
  tests.push({
    name,
    async run({ connect }) {
      const peer = await connect(options?.());
      try {
        await run(new DemoClient(peer), peer);
      } finally {
        await peer.close(2000);
      }
    },
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

function isError(error: unknown): asserts error is Error {
  ok(error instanceof Error, "not an error");
}

test("a call returns its result, with every digit", async (demo) => {
  equal(await demo.sumDiff(100n, 250n), { sum: 350n, diff: -150n });
  equal(await demo.sumDiff(9007199254740993n, 0n), { sum: 9007199254740993n, diff: 9007199254740993n });
  equal(await demo.sumDiff(-9223372036854775808n, 0n), { sum: -9223372036854775808n, diff: -9223372036854775808n });
});

test("an error of a method is its class, with its fields", async (demo) => {
  const error = await rejects(demo.sumDiff(9223372036854775807n, 1n), Overflow);
  equal(error.code, 17);
  equal(error.data, { a: 9223372036854775807n, b: 1n });
  equal(error.message, "9223372036854775807 and 1 overflow");
  equal(error.name, "Overflow");
});

test("bytes of every value and of many sizes come back", async (demo) => {
  const all = Uint8Array.from({ length: 256 }, (_, at) => at);
  for (const length of [0, 1, 2, 3, 255, 256, 65_535, 1_000_003]) {
    const data = new Uint8Array(length);
    for (let at = 0; at < length; at += 256) data.set(all.subarray(0, length - at), at);
    equal((await demo.echo(data)).join() === data.join(), true);
  }
});

test("optional arguments may be left out", async (demo) => {
  equal(await demo.optional("a"), "a!");
  equal(await demo.optional("a", null), "a!");
  equal(await demo.optional("a", "?"), "a?");
});

test("a method is called without a description of it", async (_, peer) => {
  equal(await peer.call(untyped("Demo.optional"), [{ text: "ä\u2028😀" }]), "ä\u2028😀!");
  equal(await peer.call(untyped("Demo.optional"), [["a", "b"]]), "ab");
  equal(await collect(peer.stream(untyped("Demo.count", { items: true }), [[3]])), [0, 1, 2]);
});

test("many calls run at once", async (demo) => {
  const results = await Promise.all(Array.from({ length: 1000 }, (_, at) => demo.sumDiff(BigInt(at), 1n)));
  equal(
    results.map(({ diff }) => diff),
    Array.from({ length: 1000 }, (_, at) => BigInt(at - 1)),
  );
});

test("an argument of another type is refused before anything is sent", async (demo) => {
  const error = await rejects(demo.sumDiff(1 as unknown as bigint, 2n), EncodeError);
  equal(error.message, "argument a of Demo.sum_diff: expected i64 as a bigint, found 1");
  await rejects(demo.sumDiff(1n << 63n, 2n), EncodeError);
});

test("errors of the framework have a kind", async (demo, peer) => {
  const error = await rejects(demo.panics(), FrameworkError);
  equal([error.kind, error.code, error.safeToRetry], ["panicked", 0xc702, false]);
  const invalid = await rejects(peer.call(untyped("Demo.sum_diff"), [{ a: "x" }]), FrameworkError);
  equal([invalid.kind, invalid.safeToRetry], ["invalidArguments", true]);
  const unknown = await rejects(peer.call(untyped("Demo.nothing"), []), UnknownMethodError);
  equal([unknown.method, unknown.safeToRetry], ["Demo.nothing", true]);
});

test("a signal cancels the call on both sides", async (demo) => {
  const before = await demo.interrupted();
  const controller = new AbortController();
  const call = demo.wait({ signal: controller.signal });
  await demo.sumDiff(1n, 1n);
  controller.abort(new TypeError("enough"));
  equal((await rejects(call, TypeError)).message, "enough");
  await until(async () => (await demo.interrupted()) > before, "the handler is interrupted");
  await rejects(demo.wait({ signal: controller.signal }), TypeError);
  await rejects(demo.wait({ signal: AbortSignal.timeout(20) }), DOMException);
});

test("a time limit ends the call on both sides", async (demo) => {
  const before = await demo.interrupted();
  await rejects(demo.wait({ timeout: 30 }), DeadlineExceededError);
  await until(async () => (await demo.interrupted()) > before, "the handler is interrupted");
  const left = await demo.deadline({ timeout: 5000 });
  ok(left !== null && left > 1000n && left <= 5000n, `the handler has ${left} ms left`);
  equal(await demo.deadline(), null);
  await rejects(demo.limited(), DeadlineExceededError);
  await rejects(demo.limited({ timeout: 10 }), DeadlineExceededError);
});

test("metadata arrive", async (demo) => {
  equal(await demo.metadata("user", { metadata: { user: "anna" } }), "anna");
  equal(await demo.metadata("user", { metadata: { user: new Uint8Array([65]), other: "" } }), "A");
  equal(await demo.metadata("user"), null);
  await rejects(demo.metadata("user", { metadata: { user: "x".repeat(9000) } }), LimitError);
  await rejects(demo.metadata("user", { metadata: { "chirp.x": "" } }), EncodeError);
});

test("a one-way call runs", async (demo) => {
  const text = `a note ${Math.random()}`;
  await demo.note(text);
  await until(async () => (await demo.notes()).includes(text), "the note is there");
});

test("a result stream has all its items", async (demo) => {
  equal(await collect(demo.count(0)), []);
  equal(await collect(demo.count(5)), [0, 1, 2, 3, 4]);
  let sum = 0;
  for await (const item of demo.count(100_000)) sum += item;
  equal(sum, 4_999_950_000);
});

test("a result stream fails with the error of the method", async (demo) => {
  const items = demo.stop(3);
  const seen: number[] = [];
  const error = await rejects(
    (async () => {
      for await (const item of items) seen.push(item);
    })(),
    Stopped,
  );
  equal([seen, error.data], [[0, 1, 2], [3]]);
  await rejects(demo.stop(0).ready(), Stopped);
  await demo.stop(1).ready();
});

test("leaving a loop cancels the stream, and a slow consumer holds back the source", async (demo) => {
  for await (const item of demo.count(0xffff_ffff)) if (item === 10) break;
  const slow = demo.count(0xffff_ffff);
  for (let at = 0; at < 100; at++) {
    equal(await slow.next(), { done: false, value: at });
    if (at % 20 === 0) await pause(5);
  }
  equal(await slow.return(), { done: true, value: undefined });
  equal(await slow.next(), { done: true, value: undefined });
  const controller = new AbortController();
  const aborted = demo.count(0xffff_ffff, { signal: controller.signal });
  await aborted.next();
  controller.abort(new TypeError("enough"));
  await rejects(collect(aborted), TypeError);
});

test("a stream is an argument", async (demo) => {
  equal(await demo.total(2n, [1n, 2n, 3n]), 12n);
  async function* numbers() {
    for (let at = 0n; at < 20_000n; at++) yield at;
  }
  equal(await demo.total(1n, numbers()), 199_990_000n);
  equal(await demo.total(1n, []), 0n);
});

test("items flow in both directions at once, at the pace of the consumer", async (demo) => {
  let produced = 0;
  let stopped = false;
  async function* numbers() {
    try {
      for (;;) yield BigInt(produced++);
    } finally {
      stopped = true;
    }
  }
  const doubled = demo.double(numbers());
  for (let at = 0n; at < 100n; at++) equal((await doubled.next()).value, at * 2n);
  await pause(50);
  const before = produced;
  await pause(50);
  equal(produced, before);
  ok(produced < 10_000, `the source made ${produced} items for a consumer that took 100`);
  await doubled.return();
  await until(() => stopped, "the source is stopped");
});

test("a source that fails, fails the stream, and is reported", async (demo) => {
  reported.length = 0;
  function* numbers() {
    yield 1n;
    throw new Error("no more");
  }
  // The method sees the end of its stream as an error, and returns what came before.
  equal(await demo.total(1n, numbers()), 1n);
  equal(await demo.total(1n, [1n, 2 as unknown as bigint]), 1n);
  equal(reported, [
    "argument numbers of Demo.total: no more",
    "argument numbers of Demo.total: item of argument numbers of Demo.total: expected u64 as a bigint, found 2",
  ]);
  await rejects(demo.total(1n, 5 as never), EncodeError);
}, serving);

class Page implements PageHandler {
  waits = 0;
  aborted = 0;

  greet(name: string, context: CallContext): string {
    equal(context.method, "Page.greet");
    if (name === "nobody") throw new ServiceError(404, "nobody is here", undefined);
    if (name === "bug") throw new Error("a secret");
    return `hello ${name}`;
  }

  *count(to: number): Iterable<bigint> {
    for (let at = 0; at < to; at++) yield BigInt(at);
  }

  async total(numbers: AsyncIterable<bigint>): Promise<bigint> {
    let total = 0n;
    for await (const number of numbers) total += number;
    return total;
  }

  wait({ signal }: CallContext): Promise<void> {
    this.waits++;
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        this.aborted++;
        resolve();
      }),
    );
  }
}

let page = new Page();
const reported: string[] = [];
function serving(): ConnectOptions {
  page = new Page();
  return {
    services: [pageService(page)],
    onHandlerError: (error, method) => {
      isError(error);
      reported.push(`${method}: ${error.message}`);
    },
  };
}

test(
  "the server calls back",
  async (demo) => {
    equal(await demo.greetMe("Ann"), "hello Ann");
    const error = await rejects(demo.greetMe("nobody"), ServiceError);
    equal([error.code, error.message], [404, "nobody is here"]);
  },
  serving,
);

test(
  "what a handler throws unexpectedly is reported here, and not told to the other side",
  async (demo) => {
    const error = await rejects(demo.greetMe("bug"), ServiceError);
    ok(!error.message.includes("secret"), error.message);
    ok(reported.includes("Page.greet: a secret"), reported.join());
  },
  serving,
);

test("the server calls back with streams in both directions", async (demo) => {
  equal(await demo.collect(0), []);
  equal((await demo.collect(10_000)).length, 10_000);
  equal(await demo.feed(10_000n), 49_995_000n);
}, serving);

test(
  "the server's cancel reaches the handler",
  async (demo) => {
    await demo.cancelMe();
    equal(page.waits, 1);
    await until(() => page.aborted === 1, "the signal is aborted");
  },
  serving,
);

test("closing waits for calls in progress, in both directions", async (demo, peer) => {
  const call = demo.sleep(100n);
  const closing = peer.close();
  await rejects(demo.sleep(1n), NotConnectedError);
  equal(await call, 100n);
  await closing;
  equal(await peer.closed, undefined);
  const error = await rejects(demo.sleep(1n), NotConnectedError);
  equal(error.safeToRetry, true);
}, serving);

test("an abort fails what is pending", async (demo, peer) => {
  const call = demo.wait();
  const items = demo.count(0xffff_ffff);
  await items.next();
  peer.abort("enough");
  isError(await rejects(call, Error));
  await rejects(collect(items), Error);
  ok(!peer.isOpen, "the peer is open");
});

test(
  "a result over the limit fails its call alone",
  async (demo) => {
    const error = await rejects(demo.echo(new Uint8Array(100_000)), Error);
    ok(error instanceof LimitError || (error instanceof FrameworkError && error.kind === "invalidResult"), `${error.name}: ${error.message}`);
    equal(await demo.sleep(1n), 1n);
  },
  () => ({ maxPayload: 65_536 }),
);

test("a call over the limit of the other side is not sent", async (demo) => {
  await rejects(demo.echo(new Uint8Array(16 << 20)), LimitError);
  equal(await demo.sleep(1n), 1n);
});

test(
  "pending calls are limited",
  async (demo) => {
    const calls = [1, 2, 3].map(() => demo.sleep(50n));
    await rejects(demo.sleep(1n), LimitError);
    equal(await Promise.all(calls), [50n, 50n, 50n]);
  },
  () => ({ maxPendingCalls: 3 }),
);

test("two streams of one call, and a stream that nobody reads", async (demo) => {
  const unread = demo.count(1_000_000);
  await unread.ready();
  equal((await collect(demo.count(1000))).length, 1000);
  unread.cancel();
  equal(await demo.sleep(1n), 1n);
});
