import type { Type } from "./types.js";

/** The base of all errors of this package. */
export class ChirpError extends Error {
  override name = "ChirpError";
  /** Whether the call has provably not run, so that it can be made again whatever it does. */
  readonly safeToRetry: boolean;

  constructor(message: string, safeToRetry = false) {
    super(message);
    this.safeToRetry = safeToRetry;
  }
}

/** The connection could not be opened, or is closing, and nothing of the call was sent. */
export class NotConnectedError extends ChirpError {
  override name = "NotConnectedError";

  constructor(message: string) {
    super(message, true);
  }
}

/** The connection ended while the call was pending. The call may have run. */
export class ConnectionLostError extends ChirpError {
  override name = "ConnectionLostError";
}

/** The other side broke the protocol. The connection is closed. */
export class ProtocolError extends ConnectionLostError {
  override name = "ProtocolError";
}

/** The other side does not serve the method. */
export class UnknownMethodError extends ChirpError {
  override name = "UnknownMethodError";
  readonly method: string;

  constructor(method: string) {
    super(`unknown method ${JSON.stringify(method)}`, true);
    this.method = method;
  }
}

/** The other side cancelled the call, without being asked to. */
export class CancelledError extends ChirpError {
  override name = "CancelledError";
}

/** The time limit of the call has passed. The call may have run. */
export class DeadlineExceededError extends ChirpError {
  override name = "DeadlineExceededError";
}

/** A value cannot be written as its type. Nothing was sent. */
export class EncodeError extends ChirpError {
  override name = "EncodeError";

  constructor(message: string) {
    super(message, true);
  }
}

/** A value that was received is not of its type. */
export class DecodeError extends ChirpError {
  override name = "DecodeError";
}

/** The error of something that is too large. */
export function overLimit(subject: string, size: number, limit: number): LimitError {
  return new LimitError(`${subject} has ${size} bytes, over the limit of ${limit} bytes`);
}

/** A limit of this side was reached. Unless it is the result that is too large, nothing was sent. */
export class LimitError extends ChirpError {
  override name = "LimitError";

  constructor(message: string, safeToRetry = true) {
    super(message, safeToRetry);
  }
}

/** A stream ended otherwise than by its last item. */
export class StreamError extends ChirpError {
  override name = "StreamError";
}

/** The codes of framework errors that this side makes (PROTOCOL.md, section 8.1). */
export const OVERLOADED = 0xc700;
export const SHUTTING_DOWN = 0xc701;
export const PANICKED = 0xc702;
export const DEADLINE_EXCEEDED = 0xc703;
export const INVALID_ARGUMENTS = 0xc704;
export const TOO_LARGE = 0xc705;
export const UNSUPPORTED = 0xc706;
export const INVALID_RESULT = 0xc708;
export const UNKNOWN_STREAM = 0xc709;
export const METADATA_TOO_LARGE = 0xc70b;

/** The names of the codes from 0xC700 on. */
const kinds = [
  "overloaded",
  "shuttingDown",
  "panicked",
  "deadlineExceeded",
  "invalidArguments",
  "tooLarge",
  "unsupported",
  "noReply",
  "invalidResult",
  "unknownStream",
  "permissionDenied",
  "metadataTooLarge",
] as const;

/** A kind of framework error. */
export type FrameworkErrorKind = (typeof kinds)[number] | "unknown";

/** An error that the framework of the other side reports, such as `overloaded` or `permissionDenied`. */
export class FrameworkError extends ChirpError {
  override name = "FrameworkError";
  /** The code, from 0xC700 to 0xC7FF. */
  readonly code: number;
  /** The name of the code. */
  readonly kind: FrameworkErrorKind;

  constructor(code: number, message: string) {
    // The method has run, or may have, in the cases 2, 3, 6, 7 and 8.
    super(message, [0, 1, 4, 5, 9, 10, 11].includes(code & 0xff));
    this.code = code;
    this.kind = kinds[code & 0xff] ?? "unknown";
  }
}

/** An error that the method returned. Classes of single errors extend this class. */
export class ServiceError<Data = unknown> extends ChirpError {
  override name = "ServiceError";
  /** The code that identifies the error, from 0 to 65535. */
  readonly code: number;
  /** The fields of the error. The bytes as they came, if no class of the method has the code. */
  readonly data: Data;

  constructor(code: number, message: string, data: Data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** A class of service errors with one code. */
export interface ErrorClass<Data = any> {
  new (...values: undefined extends Data ? [data?: Data, message?: string] : [data: Data, message?: string]): ServiceError<Data>;
  readonly code: number;
  readonly dataType: Type<Data> | undefined;
}

/** Creates the base of a class for the service errors with `code`, whose data are of the type `dataType`. */
export function errorClass<Data = undefined>(name: string, code: number, dataType?: Type<Data>): ErrorClass<Data> {
  const created = class extends ServiceError<Data> {
    static readonly code = code;
    static readonly dataType = dataType;
    override name = name;

    constructor(data: Data, message = name) {
      super(code, message, data);
    }
  };
  return created as unknown as ErrorClass<Data>;
}
