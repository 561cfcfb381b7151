import { ProtocolError } from "./errors.js";

/** The types of packets (PROTOCOL.md, sections 1.2 and 10.1). */
export const packetType = {
  request: 2,
  cancel: 3,
  response: 4,
  context: 0xc700,
  items: 0xc701,
  credit: 0xc702,
  end: 0xc703,
  goingAway: 0xc706,
  open: 0xc707,
} as const;

/** The extensions that this package accepts: the bits of the packet types above. */
export const EXTENSIONS = 0b1100_1111n;
/** The bits that together are streams. */
export const STREAM_BITS = 0b1000_1110n;

const HEADER = 8;
const encoder = new TextEncoder();

/** Writes a payload, big-endian. */
export class Writer {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER;

  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** The payload without a header. */
  payload(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(HEADER, this.#length);
  }

  /** The payload as a packet of `type`. */
  packet(type: number): Uint8Array<ArrayBuffer> {
    this.#view.setUint8(0, 0xc7);
    this.#view.setUint16(2, type);
    this.#view.setUint32(4, this.#length - HEADER);
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Reads a payload, big-endian. Reading over the end breaks the protocol. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #subject: string;
  #at = 0;

  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#subject = subject;
  }

  #take(length: number): number {
    if (length > this.left) throw new ProtocolError(`invalid ${this.#subject}: the payload ends inside a field`);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** Ends reading: more bytes break the protocol. */
  end(): void {
    if (this.left) this.fail("bytes are left over");
  }

  fail(reason: string): never {
    throw new ProtocolError(`invalid ${this.#subject}: ${reason}`);
  }
}

/** A packet that was received. */
export interface Packet {
  readonly type: number;
  /** The payload. Its first four bytes alone, if it is over the limit. */
  readonly payload: Uint8Array;
  /** Whether the payload is over the limit, and was skipped. */
  readonly tooLarge: boolean;
}

const known: ReadonlySet<number> = new Set(Object.values(packetType));
/** Those that are skipped if they are over the payload limit. They begin with a number that is then kept. */
const skippable: ReadonlySet<number> = new Set([packetType.request, packetType.response, packetType.items]);

/** Splits bytes into packets. It holds at most twice the bytes that have arrived of one packet. */
export class Decoder {
  readonly #limit: number;
  readonly #emit: (packet: Packet) => void;
  readonly #header = new DataView(new ArrayBuffer(HEADER));
  #headerLength = 0;
  #type = 0;
  #tooLarge = false;
  /** The payload as far as it has arrived. */
  #payload = new Uint8Array(0);
  #length = 0;
  /** The bytes of the payload that have not arrived: those to keep, and those to skip after them. */
  #missing = 0;
  #skip = 0;

  constructor(limit: number, emit: (packet: Packet) => void) {
    this.#limit = limit;
    this.#emit = emit;
  }

  /** Whether a packet has begun and not ended. */
  get isInside(): boolean {
    return this.#headerLength > 0;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length || (this.#headerLength === HEADER && !this.#missing && !this.#skip)) {
      if (this.#headerLength < HEADER) {
        this.#header.setUint8(this.#headerLength++, bytes[at++]!);
        if (this.#headerLength === 1 && this.#header.getUint8(0) !== 0xc7) {
          throw new ProtocolError("the other side does not speak Chirp: a packet begins with a wrong byte");
        }
        if (this.#headerLength === HEADER) this.#begin();
      } else if (this.#missing) {
        const part = bytes.subarray(at, at + this.#missing);
        at += part.length;
        this.#missing -= part.length;
        this.#append(part);
      } else if (this.#skip) {
        const length = Math.min(this.#skip, bytes.length - at);
        at += length;
        this.#skip -= length;
      }
      if (this.#headerLength === HEADER && !this.#missing && !this.#skip) this.#finish();
    }
  }

  #begin(): void {
    const protocol = this.#header.getUint8(1);
    const type = this.#header.getUint16(2);
    const length = this.#header.getUint32(4);
    this.#type = protocol === 0 && known.has(type) ? type : -1;
    this.#tooLarge = false;
    this.#length = this.#missing = this.#skip = 0;
    if (this.#type < 0) {
      this.#skip = length;
      return;
    }
    if ((type === packetType.cancel && length !== 4) || ((type === packetType.request || type === packetType.response) && length < 5)) {
      throw new ProtocolError(`invalid packet of type ${type}: a payload of ${length} bytes`);
    }
    this.#tooLarge = length > this.#limit;
    if (this.#tooLarge && !skippable.has(type)) {
      throw new ProtocolError(`a packet of type ${type} has ${length} bytes, over the limit of ${this.#limit} bytes`);
    }
    this.#missing = this.#tooLarge ? 4 : length;
    this.#skip = length - this.#missing;
  }

  #append(part: Uint8Array): void {
    if (this.#length === 0 && this.#missing === 0) {
      // All at once, which is usual: no copy.
      this.#payload = part as Uint8Array<ArrayBuffer>;
    } else {
      if (this.#length === 0) this.#payload = new Uint8Array(part.length);
      else if (this.#length + part.length > this.#payload.length) {
        // The header's length is a claim: memory grows with the bytes that arrive.
        const size = Math.min(2 * (this.#length + part.length), this.#length + part.length + this.#missing);
        const grown = new Uint8Array(size);
        grown.set(this.#payload.subarray(0, this.#length));
        this.#payload = grown;
      }
      this.#payload.set(part, this.#length);
    }
    this.#length += part.length;
  }

  #finish(): void {
    this.#headerLength = 0;
    if (this.#type < 0) return;
    const payload = this.#length ? this.#payload.subarray(0, this.#length) : new Uint8Array(0);
    this.#payload = new Uint8Array(0);
    this.#emit({ type: this.#type, payload, tooLarge: this.#tooLarge });
  }
}

/** Error data: a code, a description, and auxiliary data (PROTOCOL.md, section 2.4). */
export interface ErrorData {
  readonly code: number;
  readonly description: string;
  readonly data: Uint8Array;
}

/** Writes error data. A description of more than 65,535 bytes is cut between two characters. */
export function writeErrorData(writer: Writer, error: ErrorData): Writer {
  let description = encoder.encode(error.description);
  if (!error.code && !description.length && !error.data.length) return writer;
  if (description.length > 0xffff) {
    let end = 0xffff;
    while ((description[end]! & 0xc0) === 0x80) end--;
    description = description.subarray(0, end);
  }
  return writer.u16(error.code).u16(description.length).bytes(description).bytes(error.data);
}

/** Reads error data. A description that is not UTF-8 has U+FFFD in place of what is not. */
export function readErrorData(reader: Reader): ErrorData {
  if (!reader.left) return { code: 0, description: "", data: new Uint8Array(0) };
  const code = reader.u16();
  const description = new TextDecoder().decode(reader.bytes(reader.u16()));
  return { code, description, data: reader.rest() };
}
