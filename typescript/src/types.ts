import { fromBase64, toBase64 } from "./base64.js";
import { DecodeError, EncodeError } from "./errors.js";
import { parseJson } from "./json.js";

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

function object(value: any, path: string, writing: boolean): Record<string, any> {
  return typeof value === "object" && value && !Array.isArray(value) ? value : fail(path, "an object", value, writing);
}

/** A type whose values look in JSON as they do in JavaScript. */
function plain<T>(name: string, matches: (value: any) => boolean, jsonKey = false): Type<T> {
  return { jsonKey, convert: (value, path, writing) => (matches(value) ? value : fail(path, name, value, writing)) };
}

function small(name: string, least: number, most: number): Type<number> {
  return plain(name, (value) => Number.isInteger(value) && value >= least && value <= most, true);
}

function large(name: string, bits: number, signed: boolean): Type<bigint> {
  return {
    jsonKey: true,
    convert(value, path, writing) {
      const integer = !writing && Number.isSafeInteger(value) ? BigInt(value) : value;
      const fits = typeof integer === "bigint" && (signed ? BigInt.asIntN : BigInt.asUintN)(bits, integer) === integer;
      return fits ? integer : fail(path, `${name} as a bigint`, value, writing);
    },
  };
}

function float(name: string, round: (value: number) => number): Type<number> {
  return {
    convert(value, path, writing) {
      const number = writing || typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : value === null ? NaN : undefined;
      if (writing ? Number.isFinite(value) && Number.isFinite(round(value)) : number !== undefined) return writing ? number : round(number);
      return fail(path, `a finite ${name}`, value, writing);
    },
  };
}

/** Any value that JSON can hold. */
export const any: Type<unknown> = plain("", () => true);
/** No value, as the result of a method. */
export const unit: Type<void> = { convert: (_value, _path, writing) => (writing ? null : undefined) };
/** No value, inside of another. */
export const nothing: Type<null> = plain("null", (value) => value === null);
export const bool: Type<boolean> = plain("bool", (value) => typeof value === "boolean", true);
export const i8: Type<number> = small("i8", -0x80, 0x7f);
export const i16: Type<number> = small("i16", -0x8000, 0x7fff);
export const i32: Type<number> = small("i32", -0x8000_0000, 0x7fff_ffff);
export const u8: Type<number> = small("u8", 0, 0xff);
export const u16: Type<number> = small("u16", 0, 0xffff);
export const u32: Type<number> = small("u32", 0, 0xffff_ffff);
export const i64: Type<bigint> = large("i64", 64, true);
export const u64: Type<bigint> = large("u64", 64, false);
export const i128: Type<bigint> = large("i128", 128, true);
export const u128: Type<bigint> = large("u128", 128, false);
/** Rounded to 32 bits, so that the shortest text of an `f32` reads as that number. */
export const f32: Type<number> = float("f32", Math.fround);
export const f64: Type<number> = float("f64", (value) => value);
export const text: Type<string> = plain("string", (value) => typeof value === "string");
/** One character: a string of one code point. */
export const char: Type<string> = plain("char", (value) => typeof value === "string" && /^.$/su.test(value));

/** Bytes that are a whole argument, result, item, or the raw data of an error: base64 in JSON. */
export const bytes: Type<Uint8Array> = {
  convert: (value, path, writing) =>
    writing
      ? toBase64(value instanceof Uint8Array ? value : fail(path, "Uint8Array", value, writing))
      : fromBase64(text.convert(value, path, writing)),
};

/** Bytes inside of another value: an array of numbers in JSON. */
export const byteList: Type<Uint8Array> = {
  convert: (value, path, writing) =>
    writing
      ? [...(value instanceof Uint8Array ? value : fail(path, "Uint8Array", value, writing))]
      : Uint8Array.from(list(u8).convert(value, path, writing)),
};

/** A value or `null`. */
export function optional<T>({ convert }: Type<T>): Type<T | null> {
  return { nullable: true, convert: (value, path, writing) => (value == null ? null : convert(value, path, writing)) };
}

/** A field that may be missing. */
export function omittable<T>({ convert }: Type<T>): Type<T> {
  return { omittable: true, convert };
}

/** Any number of values of one type. */
export function list<T>({ convert }: Type<T>): Type<T[]> {
  return {
    convert: (value, path, writing) =>
      Array.isArray(value)
        ? value.map((item, at) => convert(item, `${path}[${at}]`, writing))
        : fail(path, "an array", value, writing),
  };
}

/** A fixed number of values. */
export function tuple<T extends readonly unknown[]>(...types: { [K in keyof T]: Type<T[K]> }): Type<T> {
  return {
    convert: (value, path, writing) =>
      Array.isArray(value) && value.length === types.length
        ? types.map(({ convert }, at) => convert(value[at], `${path}[${at}]`, writing))
        : fail(path, `an array of ${types.length}`, value, writing),
  };
}

/** A map whose keys are text. */
export function record<V>({ convert }: Type<V>): Type<Record<string, V>> {
  return {
    convert: (value, path, writing) =>
      Object.fromEntries(
        Object.entries(object(value, path, writing)).map(([key, item]) => [key, convert(item, `${path}[${show(key)}]`, writing)]),
      ),
  };
}

/** A map whose keys may be other than text. */
export function map<K, V>(keys: Type<K>, values: Type<V>): Type<Map<K, V>> {
  return {
    convert(value, path, writing) {
      if (!writing) value = Object.entries(object(value, path, writing));
      else if (!(value instanceof Map)) return fail(path, "a Map", value, writing);
      const entries: [any, any][] = [];
      for (const [key, item] of value) {
        const place = `${path}[${show(key)}]`;
        const converted = keys.convert(!writing && keys.jsonKey ? parseJson(key) : key, place, writing);
        entries.push([converted, values.convert(item, place, writing)]);
      }
      return writing ? Object.fromEntries(entries) : new Map(entries);
    },
  };
}

function fieldsOf(types: Record<string, Type<any>>, open: boolean): Type<any> {
  return {
    convert(value, path, writing) {
      const source = object(value, path, writing);
      const fields = Object.entries(types).flatMap(([name, type]) => {
        const field = Object.hasOwn(source, name) ? source[name] : undefined;
        const place = `${path}.${name}`;
        if (field === undefined && type.omittable) return [];
        if (field === undefined && !type.nullable) return fail(place, "a value", field, writing);
        return [[name, type.convert(field, place, writing)]];
      });
      return { ...(open && source), ...Object.fromEntries(fields) };
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

function variant(variants: Variants, name: string, path: string, writing: boolean): Type<any> | null {
  const type = Object.hasOwn(variants, name) ? variants[name] : undefined;
  return type === undefined ? fail(path, `one of ${Object.keys(variants)}`, name, writing) : type;
}

/** An enum: the name of a variant, or an object of one entry, from the name to the variant's value. */
export function variants<T>(types: Variants): Type<T> {
  return {
    convert(value, path, writing) {
      if (typeof value === "string") {
        const type = variant(types, value, path, writing);
        return type === null || type === any ? value : fail(path, `fields of ${value}`, value, writing);
      }
      const [entry, ...others] = Object.entries(object(value, path, writing));
      if (!entry || others.length) return fail(path, "one variant", value, writing);
      const [name, fields] = entry;
      return { [name]: (variant(types, name, path, writing) ?? nothing).convert(fields, `${path}.${name}`, writing) };
    },
  };
}

/** An enum whose variants are named by the field `tag`, beside their own fields. */
export function tagged<T>(tag: string, types: Variants): Type<T> {
  return {
    convert(value, path, writing) {
      const { [tag]: name, ...fields } = object(value, path, writing);
      return { [tag]: name, ...variant(types, name, `${path}.${tag}`, writing)?.convert(fields, path, writing) };
    },
  };
}

/** An enum whose variants are named by the field `tag`, and whose values are in the field `content`. */
export function adjacent<T>(tag: string, content: string, types: Variants): Type<T> {
  return {
    convert(value, path, writing) {
      const { [tag]: name, [content]: fields = null } = object(value, path, writing);
      const type = variant(types, name, `${path}.${tag}`, writing);
      return { [tag]: name, ...(type && { [content]: type.convert(fields, `${path}.${content}`, writing) }) };
    },
  };
}

/** A type that is defined later, or contains itself. */
export function lazy<T>(type: () => Type<T>): Type<T> {
  return { convert: (value, path, writing) => type().convert(value, path, writing) };
}
