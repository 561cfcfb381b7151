import { ProtocolError } from "./errors.js";

/** The types of packets (PROTOCOL.md, sections 1.2 and 10.1). */
export const REQUEST = 2;
export const CANCEL = 3;
export const RESPONSE = 4;
export const CONTEXT = 0xc700;
export const ITEMS = 0xc701;
export const CREDIT = 0xc702;
export const STREAM_END = 0xc703;
export const GOING_AWAY = 0xc706;
export const STREAM_OPEN = 0xc707;

/** The extensions that this package accepts: the bits of the packet types above. */
export const EXTENSIONS = 0b1100_1111n;
/** The bits that together are streams. */
export const STREAM_BITS = 0b1000_1110n;

const HEADER = 8;
const MAGIC = 0xc7;
/** Smaller parts of a payload are joined. */
const MIN_PART = 4096;

/** Bytes, or numbers whose lowest eight bits are bytes. */
export type Part = Uint8Array | readonly number[];

export const encodeText = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
/** Reads UTF-8. Other bytes are U+FFFD, or an exception if `fatal`. */
export const decodeText = (bytes: Uint8Array, fatal = false): string => new TextDecoder("utf-8", { fatal }).decode(bytes);
export const u8 = (value: number): Part => [value];
export const u16 = (value: number): Part => [value >> 8, value];
export const u32 = (value: number): readonly number[] => [value >>> 24, value >>> 16, value >>> 8, value];
export const u64 = (value: bigint): Part => [...u32(Number(value >> 32n)), ...u32(Number(value & 0xffff_ffffn))];

/** Joins parts, big-endian. */
export function join(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes that do not keep much else in memory: a part of a message keeps the whole message. */
export function detached(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

/** Writes a packet. */
export function writePacket(type: number, ...parts: Part[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((length, part) => length + part.length, 0);
  return join([MAGIC, 0], u16(type), u32(length), ...parts);
}

/** Reads a payload, big-endian. Reading over the end breaks the protocol. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #subject: string;
  #at = 0;

  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes;
    this.#subject = subject;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  bytes(length: number): Uint8Array {
    if (length > this.left) this.fail("it is too short");
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  #number(length: number): number {
    let value = 0;
    for (const byte of this.bytes(length)) value = value * 256 + byte;
    return value;
  }

  u8(): number {
    return this.#number(1);
  }

  u16(): number {
    return this.#number(2);
  }

  u32(): number {
    return this.#number(4);
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** Ends reading: more bytes break the protocol. */
  end(): void {
    if (this.left) this.fail("it is too long");
  }

  fail(reason: string): never {
    throw new ProtocolError(`invalid ${this.#subject}: ${reason}`);
  }
}

/** A packet that was received. */
export interface Packet {
  readonly type: number;
  /** Reads the payload. It has the first four bytes alone, if it is over the limit. */
  readonly reader: Reader;
  /** Whether the payload is over the limit, and is skipped. */
  readonly tooLarge: boolean;
}

const known: ReadonlySet<number> = /* @__PURE__ */ new Set([REQUEST, CANCEL, RESPONSE, CONTEXT, ITEMS, CREDIT, STREAM_END, GOING_AWAY, STREAM_OPEN]);
/** Those that are skipped if they are over the payload limit. The number that they begin with is kept. */
const skippable: ReadonlySet<number> = new Set([REQUEST, RESPONSE, ITEMS]);

/** Splits bytes into packets. It holds the bytes that have arrived of one packet. */
export class Decoder {
  readonly #limit: number;
  readonly #emit: (packet: Packet) => void;
  /** A header or a payload, as far as it has arrived. */
  #parts: Uint8Array[] = [];
  #missing = HEADER;
  #header: { type: number; tooLarge: boolean; skip: number } | undefined;
  /** Bytes to skip before anything else. */
  #skip = 0;

  constructor(limit: number, emit: (packet: Packet) => void) {
    this.#limit = limit;
    this.#emit = emit;
  }

  /** Whether a packet has begun and not ended. */
  get isInside(): boolean {
    return this.#parts.length + this.#skip > 0 || !!this.#header;
  }

  push(bytes: Uint8Array): void {
    while (bytes.length) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      const part = bytes.subarray(skipped, skipped + this.#missing);
      bytes = bytes.subarray(skipped + part.length);
      if (!part.length) continue;
      if (!this.#header && !this.#parts.length && part[0] !== MAGIC) throw new ProtocolError("the other side does not speak Chirp");
      // Many small parts would take more memory than their bytes.
      const last = this.#parts.at(-1)!;
      if (last?.length < MIN_PART) this.#parts[this.#parts.length - 1] = join(last, part);
      else this.#parts.push(this.#missing > part.length ? detached(part) : part);
      this.#missing -= part.length;
      if (!this.#missing) this.#next();
    }
  }

  /** Goes on to the payload, or to the next header. */
  #next(): void {
    const [first = new Uint8Array(0), ...others] = this.#parts;
    const bytes = others.length ? join(first, ...others) : first;
    const header = this.#header;
    this.#header = undefined;
    this.#parts = [];
    this.#missing = HEADER;
    const reader = new Reader(bytes, `packet of type ${header?.type}`);
    if (header) {
      this.#skip = header.skip;
      this.#emit({ ...header, reader });
    } else {
      this.#begin(reader);
    }
  }

  #begin(reader: Reader): void {
    const protocol = reader.u16() & 0xff;
    const type = reader.u16();
    const length = reader.u32();
    if (protocol || !known.has(type)) {
      this.#skip = length;
      return;
    }
    const tooLarge = length > this.#limit;
    if (
      (type === CANCEL && length !== 4) ||
      ((type === REQUEST || type === RESPONSE) && length < 5) ||
      (tooLarge && !skippable.has(type))
    ) {
      throw new ProtocolError(`a packet of type ${type} has ${length} bytes`);
    }
    this.#missing = tooLarge ? 4 : length;
    this.#header = { type, tooLarge, skip: length - this.#missing };
    if (!length) this.#next();
  }
}

/** Error data: a code, a description, and auxiliary data (PROTOCOL.md, section 2.4). */
export interface ErrorData {
  readonly code: number;
  readonly description: string;
  readonly data: Uint8Array;
}

/** Writes error data. A description of more than 65,535 bytes is cut between two characters. */
export function writeErrorData({ code, description, data }: ErrorData): Uint8Array {
  let text = encodeText(description);
  if (text.length > 0xffff) {
    let end = 0xffff;
    while ((text[end]! & 0xc0) === 0x80) end--;
    text = text.subarray(0, end);
  }
  return code || text.length || data.length ? join(u16(code), u16(text.length), text, data) : data;
}

/** Reads error data. A description that is not UTF-8 has U+FFFD in place of what is not. */
export function readErrorData(reader: Reader): ErrorData {
  if (!reader.left) return { code: 0, description: "", data: new Uint8Array(0) };
  return { code: reader.u16(), description: decodeText(reader.bytes(reader.u16())), data: detached(reader.rest()) };
}
