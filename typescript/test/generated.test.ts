// Calls the services of the crate `tests/typescript` through generated code, which starts this file and says where they are.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, DecodeError, EncodeError, type Items, type Peer } from "chirp-rpc";
import WebSocket from "ws";
import {
  Broken,
  DefaultClient,
  NotFound,
  NotFoundError,
  OrderError,
  Refused,
  ShapesClient,
  ShopClient,
  SoldOut,
  TooFew,
  shapesService,
  shopService,
  type External,
  type Numbers,
  type Order,
  type ShapesHandler,
  type ShopHandler,
} from "./generated/services.js";

const url = process.env["CHIRP_SERVICES"] ?? "";
const skip = url ? false : "skipped: `cargo test --all-features --test typescript` runs this";

/** Values for each method of the service `Shapes`, which returns its argument. */
const VALUES: { [Name in keyof ShapesClient]: Exclude<Parameters<ShapesClient[Name]>[0], undefined>[] } = {
  numbers: [
    {
      small: [-128, 0, -32768, 0, -2147483648, 0],
      signed: -9223372036854775808n,
      unsigned: 0n,
      wide: 0n,
      wide_signed: -170141183460469231731687303715884105728n,
      single: -1.5,
      double: -Number.MAX_VALUE,
    },
    {
      small: [127, 255, 32767, 65535, 2147483647, 4294967295],
      signed: 9223372036854775807n,
      unsigned: 18446744073709551615n,
      wide: 340282366920938463463374607431768211455n,
      wide_signed: 170141183460469231731687303715884105727n,
      single: 3.4028234663852886e38,
      double: Number.MIN_VALUE,
    },
  ],
  fields: [
    {
      userId: 9007199254740993n,
      note: null,
      tags: ["a", ""],
      class: "é",
      "content-type": null,
      ["__proto__"]: true,
      data: [0, 255],
      packed: Uint8Array.of(0, 127, 255),
    },
  ],
  flag: [true, false],
  letter: ["a", "é", "😀", '"', "\\", "\u0000", "\u2028"],
  text: ["", "a", "é😀", 'a"\\\u0000\u001f\u2028\n', "\ufeff", "a".repeat(100_000)],
  unit: [null],
  signed: [-9223372036854775808n, 9223372036854775807n, 0n, -1n, 9007199254740993n],
  unsigned: [0n, 18446744073709551615n, 9007199254740991n, 9007199254740992n],
  wide: [0n, 340282366920938463463374607431768211455n],
  double: [0, -0.5, -0, 0.1, 1e21, 1e-7, 123456789012345680000, Number.MAX_VALUE, Number.MIN_VALUE, Number.MAX_SAFE_INTEGER],
  bytes: [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(0, 255, 127), new Uint8Array(100_000).fill(7)],
  optionalBytes: [null, new Uint8Array(), Uint8Array.of(1, 2)],
  array: [Uint8Array.of(1, 2, 3, 255)],
  optional: [null, 0n, 18446744073709551615n],
  twiceOptional: [null, 7],
  list: [[], [-9007199254740993n, 9223372036854775807n]],
  lists: [[], [[], [null, 9007199254740993n]]],
  tuple: [[1, ["a", null], [2, 3]]],
  set: [[], ["dark-red", "blue"]],
  byText: [{}, { a: 18446744073709551615n, "": 0n, "b c": 1n }, proto()],
  byName: [{ a: 1 }],
  byNumber: [new Map(), new Map([[-5, "a"], [2147483647, "b"]])],
  byId: [new Map([[18446744073709551615n, true], [0n, false]])],
  byFlag: [new Map([[false, 0], [true, 1]])],
  byLetter: [{ "é": 1, "😀": 2 }],
  byColor: [new Map([["dark-red" as const, [1n]], ["blue" as const, []]])],
  newtype: [0n, 18446744073709551615n],
  tupleStruct: [[1, -9223372036854775808n], [0, null]],
  unitStruct: [null],
  color: ["dark-red", "blue"],
  external: [
    ["Unit", { Newtype: 18446744073709551615n }, { Tuple: [1, "a"] }, { Struct: { a: -1n, b: null } }],
    [{ Nested: { Nested: { Nested: "Unit" } } }],
  ],
  internal: [[{ type: "Open" }, { type: "Paid", at: 4294967295 }, { type: "sent-to", x: 1.5, y: -0 }]],
  adjacent: [
    [{ t: "Nothing" }, { t: "One", c: 18446744073709551615n }, { t: "Two", c: [1, "a"] }, { t: "Fields", c: { a: true } }],
  ],
  untagged: [[18446744073709551615n, "a", { x: 1.5, y: 2.5 }]],
  flattened: [{ known: 1, x: 2, other: 255 }],
  strict: [{ only: true }],
  tree: [{ value: 1n, children: [{ value: 18446744073709551615n, children: [] }] }],
  directory: [{}, { a: { b: {} }, c: {} }],
  mutual: [{ right: { left: [{ right: null }] } }],
  generic: [{ value: 255 }],
  genericText: [{ value: "a" }],
  genericList: [{ value: [18446744073709551615n] }],
  place: [{ x: 0.1, y: -1e300 }],
  otherPlace: [{ street: "a" }],
  chart: [{ scale: 0.25 }],
  rope: [{ length: 65535 }],
  duration: [{ secs: 18446744073709551615n, nanos: 999999999 }],
  time: [{ secs_since_epoch: 1n, nanos_since_epoch: 2 }],
  address: ["::1", "127.0.0.1"],
  results: [[{ Ok: 18446744073709551615n }, { Err: "a" }]],
  numbered: [new Map([[4294967295, { x: 1, y: 2 }]])],
  anything: [null, true, "a", [1.5, [], {}], { a: { b: [null] } }, 18446744073709551615n],
};

function proto(): Record<string, bigint> {
  const record: Record<string, bigint> = {};
  Object.defineProperty(record, "__proto__", { value: 1n, enumerable: true, configurable: true, writable: true });
  return record;
}

/** Returns every value as it came. */
const echo = new Proxy({} as ShapesHandler, { get: () => (value: unknown) => value });

function order(id: bigint): Order {
  return { id, item: `item ${id}`, count: 3, note: null };
}

/** The same shop as that of Rust. */
class Shop implements ShopHandler {
  find(id: bigint): Order {
    if (id === 0n) {
      throw new NotFound({ id, near: [order(18446744073709551615n)] }, "no order 0");
    }
    return order(id);
  }

  async fail(kind: number, data: Uint8Array): Promise<void> {
    switch (kind) {
      case 0:
        throw new SoldOut(undefined, "sold out");
      case 1:
        throw new TooFew([18446744073709551615n, "apples"], "too few");
      case 2:
        throw new Broken(data, "broken");
      case 3:
        throw new Refused({ proof: data }, "refused");
    }
  }

  failElsewhere(): void {}

  place(order: Order, gift: string | null | undefined, code: number, rush: boolean | undefined): bigint {
    return order.id + BigInt(code) + BigInt(gift?.length ?? 0) + (rush ? 1000n : 0n);
  }

  touch(): void {}

  touched(): number {
    return 0;
  }

  delete(in_: number, options: number, context: number): number {
    return in_ + options + context;
  }

  *count(to: bigint): Iterable<bigint> {
    for (let number = 0n; number < to; number++) yield number;
  }

  async *orders(count: number): AsyncIterable<Order> {
    for (let id = 1; id <= count; id++) yield order(BigInt(id));
    throw new TooFew([9n, "orders"], "only 9 of orders");
  }

  async total(factor: bigint, numbers: AsyncIterable<bigint>): Promise<bigint> {
    let total = 0n;
    for await (const number of numbers) total += number;
    return factor * total;
  }

  async *double(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      yield chunk;
      yield chunk;
    }
  }

  shopSearch(params: { text: string; limit?: number | null }): string[] {
    return Array.from({ length: params.limit ?? 1 }, () => params.text);
  }

  constructor2(): number {
    return 1;
  }

  then2(): number {
    return 2;
  }

  checkCaller(): string[] {
    return [];
  }

  checkCallerShop(): string[] {
    return [];
  }

  wait(): boolean {
    return false;
  }

  cancelled(): number {
    return 0;
  }
}

let peer: Peer;
let shapes: ShapesClient;
let shop: ShopClient;

before(async () => {
  if (skip) return;
  peer = await connect(url, { WebSocket, services: [shapesService(echo), shopService(new Shop())] });
  shapes = new ShapesClient(peer);
  shop = new ShopClient(peer);
});

after(async () => {
  await peer?.close();
});

for (const name of Object.keys(VALUES) as (keyof ShapesClient)[]) {
  test(`${name} returns as it was sent`, { skip }, async () => {
    for (const value of VALUES[name]) {
      const method = shapes[name] as (value: unknown) => Promise<unknown>;
      const expected = name === "unit" ? undefined : value;
      assert.deepStrictEqual(plain(await method.call(shapes, value)), plain(expected));
    }
  });
}

/** Forgets the prototypes and the order of fields. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, plain(item)]));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [key, plain(item)]);
  return entries.sort(([one], [other]) => (one < other ? -1 : 1));
}

test("values that do not fit are refused before they are sent", { skip }, async () => {
  const numbers = VALUES.numbers[0] as Numbers;
  const wrong: unknown[] = [
    { ...numbers, signed: 1 },
    { ...numbers, signed: 9223372036854775808n },
    { ...numbers, unsigned: -1n },
    { ...numbers, small: [0, 256, 0, 0, 0, 0] },
    { ...numbers, small: [0, 0, 0, 0, 0] },
    { ...numbers, double: NaN },
    { ...numbers, double: Infinity },
    { ...numbers, double: undefined },
    null,
  ];
  for (const value of wrong) {
    await assert.rejects(async () => shapes.numbers(value as Numbers), EncodeError);
  }
  await assert.rejects(async () => shapes.letter("ab"), EncodeError);
  await assert.rejects(async () => shapes.color("red" as "blue"), EncodeError);
  await assert.rejects(async () => shapes.external([{ Unknown: 1 } as unknown as External]), EncodeError);
});

test("results that do not fit are errors", { skip }, async () => {
  const wrong = await connect(url, {
    WebSocket,
    services: [shapesService(new Proxy({} as ShapesHandler, { get: () => () => ({ nothing: "fits" }) }))],
  });
  try {
    const failed = await new ShopClient(wrong).checkCaller();
    assert(failed.length >= 45, String(failed.length));
  } finally {
    await wrong.close();
  }
  assert(DecodeError.prototype instanceof Error);
});

test("the other side calls every method of this side", { skip }, async () => {
  assert.deepEqual(await shop.checkCaller(), []);
});

test("the other side uses streams, errors and options of this side", { skip }, async () => {
  assert.deepEqual(await shop.checkCallerShop(), []);
});

test("errors are classes with their data", { skip }, async () => {
  await assert.rejects(shop.find(0n), (error) => {
    assert(error instanceof NotFound);
    assert.deepEqual([error.code, error.message], [404, "no order 0"]);
    assert.equal(error.data.id, 0n);
    assert.deepEqual(error.data.near, [order(18446744073709551615n)]);
    return true;
  });
  await assert.rejects(shop.fail(0, new Uint8Array()), SoldOut);
  await assert.rejects(shop.fail(1, new Uint8Array()), (error) => {
    assert(error instanceof TooFew);
    assert.deepEqual(error.data, [18446744073709551615n, "apples"]);
    return true;
  });
  for (const data of [new Uint8Array(), Uint8Array.of(7, 0, 255)]) {
    await assert.rejects(shop.fail(2, data), (error) => {
      assert(error instanceof Broken);
      assert.deepEqual(error.data, data);
      return true;
    });
    await assert.rejects(shop.fail(3, data), (error) => {
      assert(error instanceof Refused);
      assert.deepEqual(error.data.proof, data);
      return true;
    });
  }
  await shop.fail(4, new Uint8Array());
  await assert.rejects(shop.failElsewhere(3), (error) => {
    assert(error instanceof NotFoundError && !(error instanceof NotFound));
    assert.equal(error.data.shelf, 3);
    return true;
  });
  await assert.rejects(shop.failElsewhere(), OrderError);
});

test("arguments may be missing, and be named as this side names its own", { skip }, async () => {
  assert.equal(await shop.place(order(1n), undefined, 2), 3n);
  assert.equal(await shop.place(order(1n), "four", 2, true), 1007n);
  assert.equal(await shop.place({ id: 1n, item: "" }, null, 2, false), 3n);
  assert.equal(await shop.delete(1, 2, 3, { timeout: 5000 }), 6);
  assert.equal(await shop.constructor2(), 11);
  assert.equal(await shop.then2(), 12);
  assert.deepEqual(await shop.shopSearch({ text: "a" }), ["a"]);
  assert.deepEqual(await shop.shopSearch({ text: "a", limit: 2 }), ["a", "a"]);
});

test("a one-way call arrives", { skip }, async () => {
  const before = await shop.touched();
  await shop.touch(3);
  assert.equal(await shop.touched(), before + 3);
});

test("streams go both ways", { skip }, async () => {
  assert.deepEqual(await all(shop.count(3n)), [0n, 1n, 2n]);
  assert.equal((await all(shop.count(20000n))).length, 20000);
  assert.equal(await shop.total(2n, [9223372036854775800n, 7n]), 18446744073709551614n);
  const chunks = [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(0, 255)];
  assert.deepEqual(await all(shop.double(chunks)), chunks.flatMap((chunk) => [chunk, chunk]));
  const items: Order[] = [];
  await assert.rejects(async () => {
    for await (const item of shop.orders(2)) items.push(item);
  }, TooFew);
  assert.deepEqual(items, [order(1n), order(2n)]);
  await assert.rejects(async () => all(shop.orders(0)), SoldOut);
});

test("an aborted call is cancelled on the other side", { skip }, async () => {
  const before = await shop.cancelled();
  const abort = new AbortController();
  const waiting = shop.wait({ signal: abort.signal });
  abort.abort();
  await assert.rejects(waiting);
  assert((await shop.cancelled()) <= before + 1);
  await assert.rejects(shop.wait({ timeout: 20 }));
});

test("names that are none in TypeScript are called", { skip }, async () => {
  const odd = new DefaultClient(peer);
  assert.equal(await odd.cancelRequest(1, 2), 3);
  assert.equal(await odd.textDocumentDidChange("a"), "a");
  assert.deepEqual([await odd.fooBar(), await odd.fooBar2(), await odd._2nd()], [1, 2, 5]);
  assert.equal(await odd.toString(), "text");
});

async function all<T>(items: Items<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Never called: the types are checked by the compiler. */
export async function types(): Promise<void> {
  // @ts-expect-error: 64 bits are a bigint.
  await shapes.signed(1);
  // @ts-expect-error: not a variant.
  await shapes.color("green");
  // @ts-expect-error: a field is missing.
  await shapes.place({ x: 1 });
  // @ts-expect-error: the class of the error has other data.
  new NotFound({ id: 1n }, "");
  // @ts-expect-error: not a list of numbers.
  await shapes.bytes([1, 2]);
  const found = await shapes.external([]);
  for (const one of found) {
    if (typeof one === "string") {
      const unit: "Unit" = one;
      void unit;
    } else if ("Newtype" in one) {
      const value: bigint = one.Newtype;
      void value;
    }
  }
  for (const one of await shapes.internal([])) {
    if (one.type === "Paid") {
      const at: number = one.at;
      void at;
    }
  }
}
