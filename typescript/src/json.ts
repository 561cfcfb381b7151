import { DecodeError, EncodeError } from "./errors.js";

/** A JSON value. Integers that a `number` cannot hold exactly are a `bigint`. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** A string, or the name of a property, or a number. */
const TOKENS = /"[^"\\]*(?:\\[^][^"\\]*)*"(\s*:)?|-?\d[\d.eE+-]*/g;
/** Begins strings that stand for numbers, and, doubled, those that begin with it themselves. */
const MARK = "\uffff";

/** Reads JSON without losing a digit of an integer. */
export function parseJson(text: string): Json {
  try {
    // Most texts have no number of 16 digits.
    if (!/\d{16}/.test(text)) return JSON.parse(text);
    const marked = text.replace(TOKENS, (token, name) => {
      if (/^-?[1-9]\d{15,}$/.test(token)) return `"${MARK}${token}"`;
      return !name && /^"(\uffff|\\uffff)/i.test(token) ? `"${MARK}${token.slice(1)}` : token;
    });
    return JSON.parse(marked, (_, value) => {
      if (typeof value !== "string" || value[0] !== MARK) return value;
      const rest = value.slice(1);
      if (rest[0] === MARK) return rest;
      const number = Number(rest);
      return Number.isSafeInteger(number) ? number : BigInt(rest);
    });
  } catch (error) {
    throw new DecodeError(`invalid JSON: ${(error as Error).message}`);
  }
}

/** The property of an object, if it is its own. */
export function own(object: any, name: string): any {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Writes JSON, with the digits of every `bigint`. Properties that are `undefined` are left out. */
export function writeJson(value: any): string {
  if (typeof value === "bigint") return `${value}`;
  if (Object.is(value, -0)) return "-0.0";
  if (Array.isArray(value)) return `[${value.map(writeJson)}]`;
  const isObject = typeof value === "object" && value;
  if (!isObject && (typeof value !== "number" || Number.isFinite(value))) {
    const json = JSON.stringify(value);
    if (json) return json;
  }
  if (!isObject || ArrayBuffer.isView(value) || value[Symbol.iterator]) {
    throw new EncodeError(`JSON has no form of ${isObject ? value.constructor.name : String(value)}`);
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${writeJson(field)}`)}}`;
}
