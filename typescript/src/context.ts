import { EncodeError, overLimit } from "./errors.js";
import { decodeText, detached, encodeText, join, Reader, u16, u32, u8, type Part } from "./packets.js";
import type { CallOptions } from "./service.js";

/** The metadata of a call, at most. */
export const MAX_METADATA = 8192;

/** What comes before a request (PROTOCOL.md, section 10.2). */
export interface RequestContext {
  /** Milliseconds that remained when the packet was sent. */
  timeout?: number;
  readonly metadata: Map<string, Uint8Array[]>;
  /** The bytes of the metadata. */
  metadataSize: number;
  /** Whether there is something that must be understood, and is not. */
  unsupported: boolean;
}

const field = (kind: number, value: Part): Part => join(u8(kind), u16(value.length), value);

/** Writes the context of a call. It has no bytes if there is nothing to say. */
export function writeContext({ metadata = {} }: CallOptions, timeout: number | undefined): Uint8Array {
  const fields: Part[] = [];
  if (timeout! <= 0xffff_ffff) fields.push(field(1, u32(Math.max(0, Math.ceil(timeout!)))));
  let size = 0;
  for (const [key, value] of Object.entries(metadata)) {
    const name = encodeText(key);
    if (!key || name.length > 255 || key.startsWith("chirp.")) throw new EncodeError(`invalid metadata key: ${key}`);
    const entry = field(3, join(u8(name.length), name, typeof value === "string" ? encodeText(value) : value));
    size += entry.length;
    if (size > MAX_METADATA) throw overLimit("the metadata", size, MAX_METADATA);
    fields.push(entry);
  }
  return join(...fields);
}

/** Reads the context of a request. */
export function readContext(reader: Reader): RequestContext {
  if (reader.left > 65_536) reader.fail("it is too long");
  const context: RequestContext = { metadata: new Map(), metadataSize: 0, unsupported: false };
  while (reader.left) {
    const kind = reader.u8();
    const field = new Reader(reader.bytes(reader.u16()), "call context");
    if (kind === 1) {
      if (context.timeout !== undefined) field.fail("two deadlines");
      context.timeout = field.u32();
      field.end();
    } else if (kind === 3) {
      context.metadataSize += 3 + field.left;
      const name = field.bytes(field.u8());
      let key = "";
      try {
        key = decodeText(name, true);
      } catch {
        // It is not UTF-8.
      }
      if (!key) field.fail("invalid metadata key");
      const values = context.metadata.get(key) ?? [];
      values.push(detached(field.rest()));
      context.metadata.set(key, values);
    } else if (kind >= 0x80) {
      context.unsupported = true;
    }
  }
  return context;
}
