import { DecodeError } from "./errors.js";

/** Writes bytes in base64. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  // `String.fromCharCode` takes a limited number of arguments.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

/** Reads bytes in base64 with padding; nothing else is accepted. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 || /[^+/\w=]|_|=(?!=?$)/.test(text)) throw new DecodeError("invalid base64");
  const decoded = atob(text);
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}
