import { DecodeError, EncodeError } from "./errors.js";

/** A JSON value. Integers that a `number` cannot hold exactly are a `bigint`. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** Deeper JSON is refused, so that reading cannot overflow the stack. */
const MAX_DEPTH = 512;

/** Reads JSON without losing a digit of an integer. */
export function parseJson(text: string): Json {
  try {
    // Most texts have no number of 16 digits, and JSON.parse is several times as fast.
    return /\d{16}/.test(text) ? new Parser(text).document() : JSON.parse(text);
  } catch (error) {
    throw error instanceof DecodeError ? error : new DecodeError(`invalid JSON: ${(error as Error).message}`);
  }
}

/** Assigns a property, even one of the name `__proto__`. */
export function assign(target: object, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (target as Record<string, unknown>)[name] = value;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#peek();
    if (this.#at < this.#text.length) this.#fail();
    return value;
  }

  #fail(): never {
    throw new DecodeError(`invalid JSON at character ${this.#at}`);
  }

  /** Skips white space, and returns the character that follows. */
  #peek(): string {
    const white = /[ \t\r\n]*/y;
    white.lastIndex = this.#at;
    white.test(this.#text);
    this.#at = white.lastIndex;
    return this.#text[this.#at] ?? "";
  }

  #expect(character: string): void {
    if (this.#peek() !== character) this.#fail();
    this.#at++;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new DecodeError(`the JSON is nested more than ${MAX_DEPTH} deep`);
    switch (this.#peek()) {
      case "{": {
        const object: { [name: string]: Json } = {};
        this.#elements("}", () => {
          if (this.#peek() !== '"') this.#fail();
          const name = this.#string();
          this.#expect(":");
          assign(object, name, this.#value(depth + 1));
        });
        return object;
      }
      case "[": {
        const array: Json[] = [];
        this.#elements("]", () => array.push(this.#value(depth + 1)));
        return array;
      }
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #elements(end: string, element: () => void): void {
    this.#at++;
    if (this.#peek() !== end) {
      element();
      while (this.#peek() === ",") {
        this.#at++;
        element();
      }
    }
    this.#expect(end);
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    let escaped: boolean;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) this.#fail();
      escaped = false;
      for (let before = end - 1; this.#text[before] === "\\"; before--) escaped = !escaped;
    } while (escaped);
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(start, end + 1));
  }

  #scalar(): Json {
    const pattern = /[-+.\w]+/y;
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0] ?? this.#fail();
    const value: null | boolean | number = JSON.parse(token);
    this.#at += token.length;
    return typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(token) ? BigInt(token) : value;
  }
}

/** Writes JSON, with the digits of every `bigint`. Properties that are `undefined` are left out. */
export function writeJson(value: unknown): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "bigint":
      return value.toString();
    case "number":
      if (!Number.isFinite(value)) throw new EncodeError(`JSON has no number for ${value}`);
      return Object.is(value, -0) ? "-0.0" : JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
      if (ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set) break;
      return `{${Object.entries(value)
        .filter(([, field]) => field !== undefined)
        .map(([name, field]) => `${JSON.stringify(name)}:${writeJson(field)}`)
        .join(",")}}`;
  }
  throw new EncodeError(`JSON has no form of a value of the type ${value?.constructor?.name ?? typeof value}`);
}
