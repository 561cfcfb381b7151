// JSON without lost digits, types of values, and packets, byte for byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError, EncodeError, parseJson, ProtocolError, t, writeJson } from "chirp-rpc";
// @ts-ignore: this is not public, and has no types.
import * as packets from "../dist/packets.js";

test("JSON keeps every digit of integers", () => {
  const texts = [
    "9007199254740991",
    "9007199254740993",
    "-9223372036854775808",
    "340282366920938463463374607431768211455",
    '{"a":[18446744073709551615,{"b":-1}],"1234567890123456789":"1234567890123456789"}',
    '["\uffff1234567890123456789","\\\\",1234567890123456789]',
    '{"\uffffkey":1234567890123456789}',
  ];
  for (const text of texts) assert.equal(writeJson(parseJson(text)), text.replaceAll("\\uffff", "\uffff"));
  assert.deepEqual(parseJson('[" \\uFFFF", "\\uffff", 12345678901234567]'), [" \uffff", "\uffff", 12345678901234567n]);
  assert.equal(parseJson("9007199254740993"), 9007199254740993n);
  assert.equal(parseJson("9007199254740991"), 9007199254740991);
  assert.equal(parseJson("0.12345678901234567890"), 0.1234567890123456789);
  assert.equal(parseJson("12345678901234567890e3"), 12345678901234567890e3);
  assert.equal(parseJson("12345678901234567890.5"), 12345678901234567890.5);
  assert.deepEqual(Object.entries(parseJson('{"__proto__":12345678901234567890}') as object), [["__proto__", 12345678901234567890n]]);
});

test("JSON with an error is refused", () => {
  for (const text of ["", "{", "[1,]", "12345678901234567890,", '"12345678901234567890', "012345678901234567890", "[12345678901234567890}", '["\n", 12345678901234567890]']) {
    assert.throws(() => parseJson(text), DecodeError, text);
  }
  assert.throws(() => t.i64.convert(parseJson(`${"[".repeat(1e6)}12345678901234567890`), "", false), DecodeError);
});

test("long JSON takes time in proportion to its length", { timeout: 20_000 }, () => {
  const large = "12345678901234567890";
  assert.equal((parseJson(`["${"\\n".repeat(1e6)}",${large}]`) as string[])[0]!.length, 1e6);
  assert.equal((parseJson(`["${'\\"'.repeat(1e6)}",${large}]`) as string[])[0]!.length, 1e6);
  assert.equal((parseJson(`[${"1,".repeat(1e6)}${large}]`) as unknown[]).length, 1e6 + 1);
  assert.throws(() => parseJson(`["${'\\"'.repeat(1e6)},${large}`), DecodeError);
  assert.throws(() => parseJson(`${'["'.repeat(1e6)},${large}`), DecodeError);
  assert.throws(() => parseJson(`${"[".repeat(1e6)}${large}${"]".repeat(1e6)}`), DecodeError);
});

test("values that JSON has no form of are refused", () => {
  for (const value of [NaN, Infinity, undefined, () => 1, Symbol("x"), new Map(), new Set(), new Uint8Array(1), [undefined]]) {
    assert.throws(() => writeJson(value), EncodeError, String(value));
  }
  assert.equal(writeJson({ a: undefined, b: 1n, c: [true, null, "\u2028\ud800"] }), '{"b":1,"c":[true,null,"\u2028\\ud800"]}');
});

type Tree = { value: number; children: Tree[] };
const Tree: t.Type<Tree> = t.struct({ value: t.u8, children: t.list(t.lazy(() => Tree)) });

function roundTrip<T>(type: t.Type<T>, value: T, json: string): void {
  assert.equal(writeJson(type.convert(value, "value", true)), json);
  assert.deepEqual(type.convert(parseJson(json), "value", false), value);
}

test("values of all types come back", () => {
  roundTrip(t.bool, true, "true");
  roundTrip(t.u32, 0xffff_ffff, "4294967295");
  roundTrip(t.i8, -128, "-128");
  roundTrip(t.u64, 18446744073709551615n, "18446744073709551615");
  roundTrip(t.u64, 0n, "0");
  roundTrip(t.i128, -(1n << 127n), "-170141183460469231731687303715884105728");
  roundTrip(t.f64, 0.1, "0.1");
  roundTrip(t.text, "é\n", '"é\\n"');
  roundTrip(t.char, "😀", '"😀"');
  roundTrip(t.bytes, Uint8Array.of(0, 255), '"AP8="');
  roundTrip(t.byteList, Uint8Array.of(0, 255), "[0,255]");
  roundTrip(t.optional(t.bytes), null, "null");
  roundTrip(t.list(t.u64), [1n, 2n], "[1,2]");
  roundTrip(t.tuple(t.u64, t.text), [1n, "x"], '[1,"x"]');
  roundTrip(t.record(t.u64), { a: 1n, ["__proto__"]: 2n }, '{"a":1,"__proto__":2}');
  roundTrip(t.map(t.u64, t.text), new Map([[18446744073709551615n, "x"]]), '{"18446744073709551615":"x"}');
  roundTrip(t.map(t.bool, t.u8), new Map([[true, 1]]), '{"true":1}');
  roundTrip(t.map(t.text, t.u8), new Map([["1", 1]]), '{"1":1}');
  roundTrip(t.openStruct<{ a: bigint }>({ a: t.u64 }), { a: 1n, b: [1] } as { a: bigint }, '{"a":1,"b":[1]}');
  roundTrip(Tree, { value: 1, children: [{ value: 2, children: [] }] }, '{"value":1,"children":[{"value":2,"children":[]}]}');
  type Shape = "Point" | { Circle: bigint } | { Line: [number, number] } | { Named: { name: string } };
  const Shape: t.Type<Shape> = t.variants({ Point: null, Circle: t.u64, Line: t.tuple(t.u8, t.u8), Named: t.struct({ name: t.text }) });
  roundTrip<Shape>(Shape, "Point", '"Point"');
  roundTrip<Shape>(Shape, { Circle: 1n }, '{"Circle":1}');
  roundTrip<Shape>(Shape, { Named: { name: "x" } }, '{"Named":{"name":"x"}}');
  roundTrip(t.map(Shape, t.u8), new Map<Shape, number>([["Point", 1]]), '{"Point":1}');
  type Event = { type: "Open"; at: bigint } | { type: "Closed" };
  const Event: t.Type<Event> = t.tagged("type", { Open: t.struct({ at: t.u64 }), Closed: null });
  roundTrip<Event>(Event, { type: "Open", at: 1n }, '{"type":"Open","at":1}');
  roundTrip<Event>(Event, { type: "Closed" }, '{"type":"Closed"}');
  type Answer = { t: "Number"; c: bigint } | { t: "None" };
  const Answer: t.Type<Answer> = t.adjacent("t", "c", { Number: t.u64, None: null });
  roundTrip<Answer>(Answer, { t: "Number", c: 1n }, '{"t":"Number","c":1}');
  roundTrip<Answer>(Answer, { t: "None" }, '{"t":"None"}');
});

test("the integer -0, which rounding makes, is 0", () => {
  for (const type of [t.i8, t.i32, t.u8, t.u32]) assert.equal(writeJson(type.convert(Math.round(-0.3), "value", true)), "0");
  assert.equal(writeJson(t.list(t.i32).convert([-0, -1], "value", true)), "[0,-1]");
  assert.equal(writeJson(t.map(t.i32, t.bool).convert(new Map([[-0, true]]), "value", true)), '{"0":true}');
  // A float keeps its sign.
  assert.equal(writeJson(t.f64.convert(-0, "value", true)), "-0.0");
});

test("fields may be missing where the type says so", () => {
  const type: t.Type<{ a: string | null; b?: number }> = t.struct({ a: t.optional(t.text), b: t.omittable(t.u8) });
  assert.deepEqual(type.convert({}, "value", false), { a: null });
  assert.deepEqual(type.convert({ a: "x", b: 1, c: 2 }, "value", false), { a: "x", b: 1 });
  assert.deepEqual(type.convert({ a: null }, "value", true), { a: null });
});

test("values of other types are refused, with their place", () => {
  const type = t.struct({ list: t.list(t.map(t.u8, t.variants<unknown>({ A: t.i64, B: null }))) });
  const refused: [unknown, string][] = [
    [5, "value: expected an object, found 5"],
    [{}, "value.list: expected a value, found nothing"],
    [{ list: [{}, 1] }, "value.list[1]: expected a map, found 1"],
    [{ list: [{ 256: "B" }] }, 'value.list[0]["256"]: expected u8, found 256'],
    [{ list: [{ 1: "C" }] }, 'value.list[0]["1"]: expected one of A,B, found "C"'],
    [{ list: [{ 1: "A" }] }, 'value.list[0]["1"]: expected fields of A, found "A"'],
    [{ list: [{ 1: { A: 1.5 } }] }, 'value.list[0]["1"].A: expected i64 as a bigint, found 1.5'],
    [{ list: [{ 1: { A: 1 << 30, B: null } }] }, 'value.list[0]["1"]: expected one variant, found an object'],
    [{ list: [{ 1: { toString: 1 } }] }, 'value.list[0]["1"]: expected one of A,B, found "toString"'],
  ];
  for (const [json, message] of refused) assert.throws(() => type.convert(json, "value", false), { name: "DecodeError", message });
  // A number that JSON.parse would have rounded is refused where digits count.
  assert.throws(() => t.u64.convert(2 ** 53, "value", false), DecodeError);
  for (const text of ["AP8", "A===", "AP8_", "=AP8", "AP 8", "AP8=\n"]) assert.throws(() => t.bytes.convert(text, "value", false), DecodeError, text);
  for (const [wrong, value] of [[t.u8, -1], [t.u8, 1.5], [t.u64, -1n], [t.i64, 1n << 63n], [t.f64, NaN], [t.char, "ab"], [t.bytes, [1]]] as [t.Type<unknown>, unknown][]) {
    assert.throws(() => wrong.convert(value, "value", true), EncodeError, String(value));
  }
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

// From PROTOCOL.md: 2.1, 2.2, 2.5, 10.2, 10.4 and 10.5.
const vectors: [string, number, string][] = [
  ["c7 00 00 02 00 00 00 0d  00 00 30 39  03 66 6f 6f  68 65 6c 6c 6f", 2, "00003039 03 666f6f 68656c6c6f"],
  ["c7 00 00 04 00 00 00 0b  00 00 00 01  00  72 65 73 75 6c 74", 4, "00000001 00 726573756c74"],
  ["c7 00 00 03 00 00 00 04  01 02 03 04", 3, "01020304"],
  ["c7 00 c7 00 00 00 00 07  01 00 04 00 00 05 dc", 0xc700, "010004000005dc"],
  ["c7 00 c7 07 00 00 00 0a  00 00 00 01  07  00  00 00 40 00", 0xc707, "00000001070000004000"],
  ["c7 00 c7 06 00 00 00 04  00 00 75 30", 0xc706, "00007530"],
];

test("packets are those of the specification, in any split", () => {
  for (const [packet, type, payload] of vectors) assert.equal(hex(packets.writePacket(type, bytes(payload))), hex(bytes(packet)));
  const all = bytes(vectors.map(([packet]) => packet).join(""));
  for (let size = 1; size <= all.length; size++) {
    const found: [number, string][] = [];
    const decoder = new packets.Decoder(1000, ({ type, reader }: { type: number; reader: { rest(): Uint8Array } }) => found.push([type, hex(reader.rest())]));
    for (let at = 0; at < all.length; at += size) decoder.push(all.subarray(at, at + size));
    assert.deepEqual(found, vectors.map(([, type, payload]) => [type, hex(bytes(payload))]));
    assert.equal(decoder.isInside, false);
  }
});

test("error data are those of the specification", () => {
  const data = { code: 17, description: "hey", data: new TextEncoder().encode("stuff") };
  assert.equal(hex(packets.writeErrorData(data)), hex(bytes("0011 0003 686579 7374756666")));
  assert.deepEqual(packets.readErrorData(new packets.Reader(packets.writeErrorData(data), "x")).description, "hey");
  assert.equal(packets.writeErrorData({ code: 0, description: "", data: new Uint8Array(0) }).length, 0);
  assert.equal(packets.readErrorData(new packets.Reader(new Uint8Array(0), "x")).code, 0);
  const long = packets.writeErrorData({ code: 1, description: "é".repeat(40_000), data: new Uint8Array(0) });
  assert.equal(long.length, 4 + 65_534);
  for (const text of ["00", "000000", "00110004686579"]) assert.throws(() => packets.readErrorData(new packets.Reader(bytes(text), "x")), ProtocolError);
});
