import { DecodeError, EncodeError } from "./errors.js";

/** A JSON value. Integers that a `number` cannot hold exactly are a `bigint`. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** The one name in an object that stands for a `bigint`. It differs in every process, so that no other object has it. */
const MARK = `bigint ${Math.random()}`;

/** Reads JSON without losing a digit of an integer. */
export function parseJson(text: string): Json {
  try {
    // Most texts have no number of 16 digits.
    return /\d{16}/.test(text) ? restore(JSON.parse(mark(text))) : JSON.parse(text);
  } catch (error) {
    throw new DecodeError(`invalid JSON: ${(error as Error).message}`);
  }
}

/** Puts a marked object in place of each integer that a `number` cannot hold. JSON with an error keeps an error. */
function mark(text: string): string {
  let marked = "";
  let copied = 0;
  const tokens = /"|\d{16,}/g;
  for (let token; (token = tokens.exec(text)); ) {
    const [digits] = token;
    let end = tokens.lastIndex;
    if (digits === '"') {
      // Skips a string. A regular expression for strings would need a stack of their length.
      for (let isEscaped = true; isEscaped && end; end++) {
        end = text.indexOf('"', end);
        isEscaped = false;
        for (let before = end - 1; text[before] === "\\"; before--) isEscaped = !isEscaped;
      }
      if (!end) break;
      tokens.lastIndex = end;
      continue;
    }
    const start = text[token.index - 1] === "-" ? token.index - 1 : token.index;
    const isPart = /[\d.eE+-]/.test(text.charAt(start - 1)) || /[.eE]/.test(text.charAt(end)) || digits[0] === "0";
    if (isPart || Number.isSafeInteger(Number(digits))) continue;
    marked += `${text.slice(copied, start)}{"${MARK}":"${text.slice(start, end)}"}`;
    copied = end;
  }
  return marked + text.slice(copied);
}

/** Puts the integers back in place of marked objects. */
function restore(json: any): Json {
  if (typeof json !== "object" || !json) return json;
  if (Array.isArray(json)) return json.map(restore);
  if (MARK in json) return BigInt(json[MARK]);
  for (const name of Object.keys(json)) {
    if (typeof json[name] === "object") json[name] = restore(json[name]);
  }
  return json;
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
