import { EncodeError, LimitError } from "./errors.js";
import { Reader, Writer } from "./packets.js";
import type { CallOptions } from "./service.js";

/** The metadata of a call, at most. */
const MAX_METADATA = 8192;

/** What comes before a request (PROTOCOL.md, section 10.2). */
export interface RequestContext {
  /** Milliseconds that remained when the packet was sent. */
  readonly timeout?: number;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly metadata: Map<string, Uint8Array[]>;
  /** Whether there is something that must be understood, and is not. */
  readonly unsupported: boolean;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Writes the context of a call, or nothing if there is none. */
export function writeContext(options: CallOptions, timeout: number | undefined): Writer | undefined {
  const writer = new Writer();
  let isEmpty = true;
  const field = (kind: number, value: Uint8Array) => {
    isEmpty = false;
    writer.u8(kind).u16(value.length).bytes(value);
  };
  if (timeout !== undefined && timeout <= 0xffff_ffff) field(1, new Writer().u32(Math.max(0, Math.ceil(timeout))).payload());
  if (options.traceparent) field(2, writeTrace(options.traceparent, options.tracestate ?? ""));
  let total = 0;
  for (const [key, value] of Object.entries(options.metadata ?? {})) {
    const name = new TextEncoder().encode(key);
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    if (!name.length || name.length > 255 || key.startsWith("chirp.")) {
      throw new EncodeError(`the metadata key ${JSON.stringify(key)} is reserved, empty or longer than 255 bytes`);
    }
    total += 4 + name.length + bytes.length;
    if (total > MAX_METADATA) throw new LimitError(`the metadata of the call have over ${MAX_METADATA} bytes`);
    field(3, new Writer().u8(name.length).bytes(name).bytes(bytes).payload());
  }
  return isEmpty ? undefined : writer;
}

function writeTrace(traceparent: string, tracestate: string): Uint8Array {
  const parts = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/.exec(traceparent);
  if (!parts) throw new EncodeError(`the trace context ${JSON.stringify(traceparent)} is not a traceparent`);
  const hex = parts.slice(1).join("");
  const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16));
  return new Writer().bytes(bytes).text(tracestate.length > 512 ? "" : tracestate).payload();
}

/** Reads the context of a request. */
export function readContext(payload: Uint8Array): RequestContext {
  const reader = new Reader(payload, "call context");
  if (payload.length > 65_536) reader.fail("over 65,536 bytes");
  const metadata = new Map<string, Uint8Array[]>();
  const context: { -readonly [K in keyof RequestContext]: RequestContext[K] } = { metadata, unsupported: false };
  while (reader.left) {
    const kind = reader.u8();
    const field = new Reader(reader.bytes(reader.u16()), "call context");
    if (kind === 1) {
      if (context.timeout !== undefined) field.fail("two deadlines");
      context.timeout = field.u32();
      field.end();
    } else if (kind === 2) {
      if (context.traceparent !== undefined) field.fail("two trace contexts");
      const hex = [...field.bytes(25)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      context.traceparent = `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-${hex.slice(48)}`;
      const state = new TextDecoder().decode(field.rest());
      if (/^[\t\x20-\x7e]{1,512}$/.test(state)) context.tracestate = state;
    } else if (kind === 3) {
      const length = field.u8();
      if (!length) field.fail("an empty metadata key");
      const name = field.bytes(length);
      try {
        const key = decoder.decode(name);
        const values = metadata.get(key);
        if (values) values.push(field.rest());
        else metadata.set(key, [field.rest()]);
      } catch {
        field.fail("a metadata key that is not UTF-8");
      }
    } else if (kind >= 0x80) {
      context.unsupported = true;
    }
  }
  if (context.traceparent && /-0{32}-|-0{16}-/.test(context.traceparent)) {
    delete context.traceparent;
    delete context.tracestate;
  }
  return context;
}
