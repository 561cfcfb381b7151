import { fromBase64, toBase64 } from "./base64.js";
import { DecodeError, EncodeError } from "./errors.js";
import { own, parseJson } from "./json.js";

/** A type of values, which knows how they look in JSON. */
export interface Type<T> {
  /** Reads a value from JSON, or writes it. `path` is its place in the whole value, for error messages. */
  convert(value: any, path: string, writing: boolean): any;
  /** Whether keys of maps are the JSON text of this type, such as numbers. */
  readonly jsonKey?: boolean;
  /** Whether the field may be missing. */
  readonly omittable?: boolean;
  /** Whether a field that is missing reads as `null`. */
  readonly nullable?: boolean;
  /** Is never there: it only tells TypeScript what the values are. */
  readonly values?: T;
}

type Fields<T> = { readonly [K in keyof T]-?: Type<T[K]> };

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return Array.isArray(value) ? "an array" : typeof value === "object" && value ? "an object" : String(value);
}

function fail(path: string, expected: string, found: unknown, writing: boolean): never {
  throw new (writing ? EncodeError : DecodeError)(`${path}: expected ${expected}, found ${show(found)}`);
}

/** A type whose values are `expected`. `convert` gives `undefined` for others. */
function type<T>(expected: string, convert: Type<T>["convert"], flags?: Omit<Type<T>, "convert">): Type<T> {
  return { ...flags, convert: (value, path, writing) => convert(value, path, writing) ?? fail(path, expected, value, writing) };
}

/** A type whose values look in JSON as they do in JavaScript. */
function plain<T>(name: string, matches: (value: any) => unknown, jsonKey = false): Type<T> {
  return type(name, (value) => (matches(value) ? value : undefined), { jsonKey });
}

const small = (name: string, least: number, most: number): Type<number> =>
  // Adding 0 turns -0, which JSON would show as a float, into 0.
  type(name, (value) => (Number.isInteger(value) && value >= least && value <= most ? value + 0 : undefined), { jsonKey: true });

function large(name: string, bits: number, asInt: (bits: number, value: bigint) => bigint): Type<bigint> {
  return type(
    `${name} as a bigint`,
    (value, _, writing) => {
      const integer = !writing && Number.isSafeInteger(value) ? BigInt(value) : value;
      return typeof integer === "bigint" && asInt(bits, integer) === integer ? integer : undefined;
    },
    { jsonKey: true },
  );
}

function float(name: string, round: (value: number) => number): Type<number> {
  return type(`a finite ${name}`, (value, _, writing) => {
    if (writing) return Number.isFinite(value) && Number.isFinite(round(value)) ? value : undefined;
    return typeof value === "number" || typeof value === "bigint" ? round(Number(value)) : value === null ? NaN : undefined;
  });
}

const isObject = (value: any): boolean => typeof value === "object" && value && !Array.isArray(value);

/** A type whose JSON is an object. */
function keyed<T>(convert: Type<T>["convert"]): Type<T> {
  return type("an object", (value, path, writing) => (isObject(value) ? convert(value, path, writing) : undefined));
}

/** Any value that JSON can hold. */
export const any: Type<unknown> = { convert: (value) => value };
/** No value, as the result of a method. */
export const unit: Type<void> = { convert: (_value, _path, writing) => (writing ? null : undefined) };
/** No value, inside of another. */
export const nothing: Type<null> = { convert: (value, path, writing) => (value === null ? null : fail(path, "null", value, writing)) };
export const bool: Type<boolean> = /* @__PURE__ */ plain("bool", (value) => typeof value === "boolean", true);
export const i8: Type<number> = /* @__PURE__ */ small("i8", -0x80, 0x7f);
export const i16: Type<number> = /* @__PURE__ */ small("i16", -0x8000, 0x7fff);
export const i32: Type<number> = /* @__PURE__ */ small("i32", -0x8000_0000, 0x7fff_ffff);
export const u8: Type<number> = /* @__PURE__ */ small("u8", 0, 0xff);
export const u16: Type<number> = /* @__PURE__ */ small("u16", 0, 0xffff);
export const u32: Type<number> = /* @__PURE__ */ small("u32", 0, 0xffff_ffff);
export const i64: Type<bigint> = /* @__PURE__ */ large("i64", 64, BigInt.asIntN);
export const u64: Type<bigint> = /* @__PURE__ */ large("u64", 64, BigInt.asUintN);
export const i128: Type<bigint> = /* @__PURE__ */ large("i128", 128, BigInt.asIntN);
export const u128: Type<bigint> = /* @__PURE__ */ large("u128", 128, BigInt.asUintN);
/** Rounded to 32 bits, so that the shortest text of an `f32` reads as that number. */
export const f32: Type<number> = /* @__PURE__ */ float("f32", Math.fround);
export const f64: Type<number> = /* @__PURE__ */ float("f64", Number);
export const text: Type<string> = /* @__PURE__ */ plain("string", (value) => typeof value === "string");
/** One character: a string of one code point. */
export const char: Type<string> = /* @__PURE__ */ plain("char", (value) => typeof value === "string" && /^.$/su.test(value));

/** Bytes, of which `read` and `write` know the JSON. */
function binary<J>(json: Type<J>, read: (json: J) => Uint8Array, write: (bytes: Uint8Array) => unknown): Type<Uint8Array> {
  return type("Uint8Array", (value, path, writing) => {
    if (!writing) return read(json.convert(value, path, writing));
    return value instanceof Uint8Array ? write(value) : undefined;
  });
}

/** Any number of values of one type. */
export function list<T>({ convert }: Type<T>): Type<T[]> {
  return type("an array", (value, path, writing) =>
    Array.isArray(value) ? value.map((item, at) => convert(item, `${path}[${at}]`, writing)) : undefined,
  );
}

/** Bytes that are a whole argument, result, item, or the raw data of an error: base64 in JSON. */
export const bytes: Type<Uint8Array> = /* @__PURE__ */ binary(text, fromBase64, toBase64);
/** Bytes inside of another value: an array of numbers in JSON. */
export const byteList: Type<Uint8Array> = /* @__PURE__ */ binary(list(u8), Uint8Array.from.bind(Uint8Array), Array.from);

/** A value or `null`. */
export function optional<T>({ convert }: Type<T>): Type<T | null> {
  return { nullable: true, convert: (value, path, writing) => (value == null ? null : convert(value, path, writing)) };
}

/** A field that may be missing. */
export function omittable<T>({ convert }: Type<T>): Type<T> {
  return { omittable: true, convert };
}

/** A fixed number of values. */
export function tuple<T extends readonly unknown[]>(...types: { [K in keyof T]: Type<T[K]> }): Type<T> {
  return type(`an array of ${types.length}`, (value, path, writing) =>
    Array.isArray(value) && value.length === types.length
      ? types.map(({ convert }, at) => convert(value[at], `${path}[${at}]`, writing))
      : undefined,
  );
}

/** A map whose keys are text. */
export function record<V>({ convert }: Type<V>): Type<Record<string, V>> {
  return keyed((value, path, writing) =>
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item, `${path}[${show(key)}]`, writing)])),
  );
}

/** A map whose keys may be other than text. */
export function map<K, V>(keys: Type<K>, values: Type<V>): Type<Map<K, V>> {
  return type("a map", (value, path, writing) => {
    if (writing ? !(value instanceof Map) : !isObject(value)) return undefined;
    const entries = [...(writing ? value : Object.entries(value))].map(([key, item]): [any, any] => {
      const place = `${path}[${show(key)}]`;
      return [keys.convert(!writing && keys.jsonKey ? parseJson(key) : key, place, writing), values.convert(item, place, writing)];
    });
    return writing ? Object.fromEntries(entries) : new Map(entries);
  });
}

function fieldsOf(types: Record<string, Type<any>>, open: boolean): Type<any> {
  return keyed((source, path, writing) => {
    const fields = Object.entries(types).flatMap(([name, type]) => {
      const field = own(source, name);
      const place = `${path}.${name}`;
      if (field === undefined && type.omittable) return [];
      if (field === undefined && !type.nullable) return fail(place, "a value", field, writing);
      return [[name, type.convert(field, place, writing)]];
    });
    return { ...(open && source), ...Object.fromEntries(fields) };
  });
}

/** An object with these fields. Others are dropped. */
export function struct<T>(fields: Fields<T>): Type<T> {
  return fieldsOf(fields, false);
}

/** An object with these fields, and others, which are kept as they are. */
export function openStruct<T>(fields: { readonly [name: string]: Type<any> }): Type<T> {
  return fieldsOf(fields, true);
}

/** The types of the variants of an enum. `null` for a variant without fields. */
type Variants = { readonly [name: string]: Type<any> | null };

function variant(variants: Variants, name: string, path: string, writing: boolean): Type<any> | null {
  const type = own(variants, name);
  return type === undefined ? fail(path, `one of ${Object.keys(variants)}`, name, writing) : type;
}

/** An enum: the name of a variant, or an object of one entry, from the name to the variant's value. */
export function variants<T>(types: Variants): Type<T> {
  return type("one variant", (value, path, writing) => {
    if (typeof value === "string") {
      const type = variant(types, value, path, writing);
      return type === null || type === any ? value : fail(path, `fields of ${value}`, value, writing);
    }
    const [entry, ...others] = isObject(value) ? Object.entries(value) : [];
    if (!entry || others.length) return undefined;
    const [name, fields] = entry;
    return { [name]: (variant(types, name, path, writing) ?? nothing).convert(fields, `${path}.${name}`, writing) };
  });
}

/** An enum whose variants are named by the field `tag`, beside their own fields. */
export function tagged<T>(tag: string, types: Variants): Type<T> {
  return keyed(({ [tag]: name, ...fields }, path, writing) => ({
    [tag]: name,
    ...variant(types, name, `${path}.${tag}`, writing)?.convert(fields, path, writing),
  }));
}

/** An enum whose variants are named by the field `tag`, and whose values are in the field `content`. */
export function adjacent<T>(tag: string, content: string, types: Variants): Type<T> {
  return keyed(({ [tag]: name, [content]: fields = null }, path, writing) => {
    const type = variant(types, name, `${path}.${tag}`, writing);
    return { [tag]: name, ...(type && { [content]: type.convert(fields, `${path}.${content}`, writing) }) };
  });
}

/** A type that is defined later, or contains itself. */
export function lazy<T>(type: () => Type<T>): Type<T> {
  return { convert: (value, path, writing) => type().convert(value, path, writing) };
}
