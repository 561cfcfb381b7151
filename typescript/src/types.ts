import { fromBase64, toBase64 } from "./base64.js";
import { DecodeError, EncodeError } from "./errors.js";
import { assign, parseJson, type Json } from "./json.js";

/** A type of values: reads them from JSON, and writes them. */
export interface Type<T> {
  /** Reads a value. `path` is its place in the whole value, for error messages. */
  read(json: Json, path: string): T;
  /** Writes a value. */
  write(value: T, path: string): Json;
  /** Whether keys of maps are the JSON text of this type, such as numbers. */
  readonly jsonKey?: boolean;
  /** Whether the field may be missing. */
  readonly omittable?: boolean;
  /** Whether a field that is missing reads as `null`. */
  readonly nullable?: boolean;
}

type Fields<T> = { readonly [K in keyof T]-?: Type<T[K]> };
type JsonObject = { [name: string]: Json };

function show(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return String(value);
}

function unreadable(path: string, expected: string, found: unknown): never {
  throw new DecodeError(`${path}: expected ${expected}, found ${show(found)}`);
}

function unwritable(path: string, expected: string, found: unknown): never {
  throw new EncodeError(`${path}: expected ${expected}, found ${show(found)}`);
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** A type whose values look in JSON as they do in JavaScript. */
function plain<T extends Json>(name: string, matches: (value: unknown) => boolean, jsonKey = false): Type<T> {
  return {
    jsonKey,
    read: (json, path) => (matches(json) ? (json as T) : unreadable(path, name, json)),
    write: (value, path) => (matches(value) ? value : unwritable(path, name, value)),
  };
}

function small(name: string, least: number, most: number): Type<number> {
  return plain(name, (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most, true);
}

function large(name: string, signed: boolean, bits: number): Type<bigint> {
  const least = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const most = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  const inRange = (value: unknown) => typeof value === "bigint" && value >= least && value <= most;
  return {
    jsonKey: true,
    read(json, path) {
      const value = Number.isSafeInteger(json) ? BigInt(json as number) : json;
      return inRange(value) ? (value as bigint) : unreadable(path, name, json);
    },
    write: (value, path) => (inRange(value) ? value : unwritable(path, `${name} as a bigint`, value)),
  };
}

function float(name: string): Type<number> {
  return {
    read(json, path) {
      if (typeof json === "number") return json;
      if (typeof json === "bigint") return Number(json);
      return json === null ? NaN : unreadable(path, name, json);
    },
    write: (value, path) => (Number.isFinite(value) ? value : unwritable(path, `a finite ${name}`, value)),
  };
}

/** Any value that JSON can hold. */
export const any: Type<unknown> = { read: (json) => json, write: (value) => value as Json };
/** No value, as the result of a method. */
export const unit: Type<void> = { read: () => undefined, write: () => null };
/** No value, inside of another. */
export const nothing: Type<null> = plain("null", (value) => value === null);
export const bool: Type<boolean> = plain("bool", (value) => typeof value === "boolean", true);
export const i8: Type<number> = small("i8", -0x80, 0x7f);
export const i16: Type<number> = small("i16", -0x8000, 0x7fff);
export const i32: Type<number> = small("i32", -0x8000_0000, 0x7fff_ffff);
export const u8: Type<number> = small("u8", 0, 0xff);
export const u16: Type<number> = small("u16", 0, 0xffff);
export const u32: Type<number> = small("u32", 0, 0xffff_ffff);
export const i64: Type<bigint> = large("i64", true, 64);
export const u64: Type<bigint> = large("u64", false, 64);
export const i128: Type<bigint> = large("i128", true, 128);
export const u128: Type<bigint> = large("u128", false, 128);
export const f64: Type<number> = float("f64");
/** Rounded to 32 bits, so that the shortest text of an `f32` reads as that number. */
export const f32: Type<number> = {
  read: (json, path) => Math.fround(f64.read(json, path)),
  write: (value, path) =>
    Number.isFinite(value) && Number.isFinite(Math.fround(value)) ? value : unwritable(path, "a finite f32", value),
};
export const text: Type<string> = plain("string", (value) => typeof value === "string");
/** One character: a string of one code point. */
export const char: Type<string> = plain("char", (value) => typeof value === "string" && /^.$/su.test(value));

/** Bytes that are a whole argument, result, item, or the raw data of an error: base64 in JSON. */
export const bytes: Type<Uint8Array> = {
  read: (json, path) => (typeof json === "string" ? fromBase64(json) : unreadable(path, "base64", json)),
  write: (value, path) => (value instanceof Uint8Array ? toBase64(value) : unwritable(path, "Uint8Array", value)),
};

/** Bytes inside of another value: an array of numbers in JSON. */
export const byteList: Type<Uint8Array> = {
  read: (json, path) => Uint8Array.from(list(u8).read(json, path)),
  write: (value, path) => (value instanceof Uint8Array ? Array.from(value) : unwritable(path, "Uint8Array", value)),
};

/** A value or `null`. */
export function optional<T>(type: Type<T>): Type<T | null> {
  return {
    nullable: true,
    read: (json, path) => (json === null ? null : type.read(json, path)),
    write: (value, path) => (value === null || value === undefined ? null : type.write(value, path)),
  };
}

/** A field that may be missing. */
export function omittable<T>(type: Type<T>): Type<T> {
  return { omittable: true, read: (json, path) => type.read(json, path), write: (value, path) => type.write(value, path) };
}

/** Any number of values of one type. */
export function list<T>(type: Type<T>): Type<T[]> {
  return {
    read: (json, path) =>
      Array.isArray(json) ? json.map((item, at) => type.read(item, `${path}[${at}]`)) : unreadable(path, "an array", json),
    write: (value, path) =>
      Array.isArray(value) ? value.map((item, at) => type.write(item, `${path}[${at}]`)) : unwritable(path, "an array", value),
  };
}

/** A fixed number of values. */
export function tuple<T extends readonly unknown[]>(...types: { [K in keyof T]: Type<T[K]> }): Type<T> {
  const expected = `an array of ${types.length}`;
  const matches = (value: unknown) => Array.isArray(value) && value.length === types.length;
  return {
    read: (json, path) =>
      matches(json)
        ? (types.map((type, at) => type.read((json as Json[])[at]!, `${path}[${at}]`)) as unknown as T)
        : unreadable(path, expected, json),
    write: (value, path) =>
      matches(value) ? types.map((type, at) => type.write(value[at], `${path}[${at}]`)) : unwritable(path, expected, value),
  };
}

/** A map whose keys are text. */
export function record<V>(type: Type<V>): Type<Record<string, V>> {
  const convert = (value: object, path: string, each: (value: any, path: string) => unknown) => {
    const converted = {};
    for (const [key, item] of Object.entries(value)) assign(converted, key, each(item, `${path}[${show(key)}]`));
    return converted;
  };
  return {
    read: (json, path) => (isObject(json) ? convert(json, path, type.read) : unreadable(path, "an object", json)),
    write: (value, path) => (isObject(value) ? convert(value, path, type.write) : unwritable(path, "an object", value)),
  };
}

/** A map whose keys may be other than text. */
export function map<K, V>(keys: Type<K>, values: Type<V>): Type<Map<K, V>> {
  return {
    read(json, path) {
      if (!isObject(json)) return unreadable(path, "an object", json);
      return new Map(
        Object.entries(json).map(([key, value]) => {
          const place = `${path}[${show(key)}]`;
          return [keys.read(keys.jsonKey ? parseJson(key) : key, place), values.read(value, place)];
        }),
      );
    },
    write(value, path) {
      if (!(value instanceof Map)) return unwritable(path, "a Map", value);
      const object: JsonObject = {};
      for (const [key, item] of value) {
        const place = `${path}[${show(key)}]`;
        assign(object, String(keys.write(key, place)), values.write(item, place));
      }
      return object;
    },
  };
}

function fieldsOf(types: Record<string, Type<any>>, open: boolean): Type<any> {
  const entries = Object.entries(types);
  return {
    read(json, path) {
      if (!isObject(json)) return unreadable(path, "an object", json);
      const value = open ? { ...json } : {};
      for (const [name, type] of entries) {
        const field = Object.hasOwn(json, name) ? json[name] : undefined;
        if (field !== undefined) assign(value, name, type.read(field, `${path}.${name}`));
        else if (type.nullable) assign(value, name, null);
        else if (!type.omittable) throw new DecodeError(`${path}: the field ${show(name)} is missing`);
      }
      return value;
    },
    write(value, path) {
      if (!isObject(value)) return unwritable(path, "an object", value);
      const json: JsonObject = open ? { ...value } : {};
      for (const [name, type] of entries) {
        const field = Object.hasOwn(value, name) ? value[name] : undefined;
        if (field !== undefined) assign(json, name, type.write(field, `${path}.${name}`));
        else if (type.nullable) assign(json, name, null);
        else if (!type.omittable) throw new EncodeError(`${path}: the field ${show(name)} is missing`);
      }
      return json;
    },
  };
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

function variant(variants: Variants, name: unknown, path: string, fail: typeof unreadable): Type<any> | null {
  const type = typeof name === "string" && Object.hasOwn(variants, name) ? variants[name] : undefined;
  return type === undefined ? fail(path, `one of ${Object.keys(variants).join(", ")}`, name) : type;
}

/** An enum: the name of a variant, or an object of one entry, from the name to the variant's value. */
export function variants<T>(types: Variants): Type<T> {
  const convert = (value: any, path: string, fail: typeof unreadable, operation: "read" | "write"): any => {
    if (typeof value === "string") {
      const type = variant(types, value, path, fail);
      return type === null || type === any ? value : fail(path, `fields of ${value}`, value);
    }
    const entries = isObject(value) ? Object.entries(value) : [];
    if (entries.length !== 1) return fail(path, "a variant", value);
    const [name, fields] = entries[0]!;
    const type = variant(types, name, path, fail) ?? nothing;
    return { [name]: type[operation](fields, `${path}.${name}`) };
  };
  return {
    read: (json, path) => convert(json, path, unreadable, "read"),
    write: (value, path) => convert(value, path, unwritable, "write"),
  };
}

/** An enum whose variants are named by the field `tag`, beside their own fields. */
export function tagged<T>(tag: string, types: Variants): Type<T> {
  const convert = (value: any, path: string, fail: typeof unreadable, operation: "read" | "write"): any => {
    if (!isObject(value)) return fail(path, "an object", value);
    const { [tag]: name, ...fields } = value;
    const type = variant(types, name, `${path}.${tag}`, fail);
    return { [tag]: name, ...(type && type[operation](fields, path)) };
  };
  return {
    read: (json, path) => convert(json, path, unreadable, "read"),
    write: (value, path) => convert(value, path, unwritable, "write"),
  };
}

/** An enum whose variants are named by the field `tag`, and whose values are in the field `content`. */
export function adjacent<T>(tag: string, content: string, types: Variants): Type<T> {
  const convert = (value: any, path: string, fail: typeof unreadable, operation: "read" | "write"): any => {
    if (!isObject(value)) return fail(path, "an object", value);
    const type = variant(types, value[tag], `${path}.${tag}`, fail);
    const converted: JsonObject = { [tag]: value[tag]! };
    if (type) converted[content] = type[operation](value[content] ?? null, `${path}.${content}`);
    return converted;
  };
  return {
    read: (json, path) => convert(json, path, unreadable, "read"),
    write: (value, path) => convert(value, path, unwritable, "write"),
  };
}

/** A type that is defined later, or contains itself. */
export function lazy<T>(type: () => Type<T>): Type<T> {
  return { read: (json, path) => type().read(json, path), write: (value, path) => type().write(value, path) };
}
