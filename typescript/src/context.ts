import { EncodeError, LimitError } from "./errors.js";
import { encodeText, join, Reader, u16, u32, u8, type Part } from "./packets.js";
import type { CallOptions } from "./service.js";

/** The metadata of a call, at most. */
export const MAX_METADATA = 8192;

/** What comes before a request (PROTOCOL.md, section 10.2). */
export interface RequestContext {
  /** Milliseconds that remained when the packet was sent. */
  timeout?: number;
  traceparent?: string;
  readonly metadata: Map<string, Uint8Array[]>;
  /** The bytes of the metadata. */
  metadataSize: number;
  /** Whether there is something that must be understood, and is not. */
  unsupported: boolean;
}

const field = (kind: number, value: Part): Part => join(u8(kind), u16(value.length), value);

/** Writes the context of a call. It has no bytes if there is nothing to say. */
export function writeContext({ traceparent, metadata = {} }: CallOptions, timeout: number | undefined): Uint8Array {
  const fields: Part[] = [];
  if (timeout! <= 0xffff_ffff) fields.push(field(1, u32(Math.max(0, Math.ceil(timeout!)))));
  if (traceparent) {
    // The version is not sent.
    const bytes = traceparent.replaceAll("-", "").match(/[\da-f]{2}/g)?.slice(1);
    if (bytes?.length !== 25) throw new EncodeError(`the traceparent ${traceparent} is invalid`);
    fields.push(field(2, bytes.map((byte) => parseInt(byte, 16))));
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata)) {
    const name = encodeText(key);
    if (!key || name.length > 255 || key.startsWith("chirp.")) throw new EncodeError(`the metadata key "${key}" is not allowed`);
    const entry = field(3, join(u8(name.length), name, typeof value === "string" ? encodeText(value) : value));
    size += entry.length;
    if (size > MAX_METADATA) throw new LimitError(`the metadata are over the limit of ${MAX_METADATA} bytes`);
    fields.push(entry);
  }
  return join(...fields);
}

/** Reads the context of a request. */
export function readContext(payload: Uint8Array): RequestContext {
  const subject = "call context";
  const reader = new Reader(payload, subject);
  if (payload.length > 65_536) reader.fail("it is too long");
  const context: RequestContext = { metadata: new Map(), metadataSize: 0, unsupported: false };
  const seen = new Set<number>();
  while (reader.left) {
    const kind = reader.u8();
    const field = new Reader(reader.bytes(reader.u16()), subject);
    if (kind < 3 && seen.has(kind)) field.fail("a field occurs twice");
    seen.add(kind);
    if (kind === 1) {
      context.timeout = field.u32();
      field.end();
    } else if (kind === 2) {
      const hex = Array.from(field.bytes(25), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const trace = `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-${hex.slice(48)}`;
      if (!/-0+-/.test(trace)) context.traceparent = trace;
    } else if (kind === 3) {
      context.metadataSize += 3 + field.left;
      const key = decodeText(field.bytes(field.u8()));
      if (!key) field.fail("a metadata key is invalid");
      const values = context.metadata.get(key) ?? [];
      values.push(field.rest());
      context.metadata.set(key, values);
    } else if (kind >= 0x80) {
      context.unsupported = true;
    }
  }
  return context;
}

/** Reads UTF-8. The text is empty if it is not UTF-8. */
function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "";
  }
}
