import {
  CancelledError,
  ChirpError,
  DeadlineExceededError,
  DecodeError,
  EncodeError,
  FrameworkError,
  frameworkCodes,
  ProtocolError,
  ServiceError,
  UnknownMethodError,
  type ErrorClass,
} from "./errors.js";
import type { ErrorData } from "./packets.js";
import type { Method } from "./service.js";
import { decode, encode } from "./streams.js";
import { bytes } from "./types.js";

/** The result codes of responses (PROTOCOL.md, section 2.3). */
export const resultCode = { success: 0, unknownMethod: 1, duplicate: 2, cancelled: 3, error: 4 } as const;

/** What the auxiliary data of framework errors begin with. */
const MARK = [0xc7, 0x45];

function isFrameworkCode(code: number): boolean {
  return code >= 0xc700 && code <= 0xc7ff;
}

/** The error that error data of the other side stand for. */
export function toError(error: ErrorData, method: Method<any>): ChirpError {
  const { code, description, data } = error;
  if (isFrameworkCode(code) && data[0] === MARK[0] && data[1] === MARK[1]) {
    const text = `${method.name}: ${description}`;
    return code === frameworkCodes.deadlineExceeded ? new DeadlineExceededError(text) : new FrameworkError(code, text);
  }
  const known = method.errors?.find((candidate) => candidate.code === code);
  if (known) {
    try {
      const { dataType } = known;
      // Raw data of no bytes are not written at all.
      if (dataType === bytes && !data.length) return new known(data, description);
      const fields = dataType && decode(dataType, data, `data of ${description}`);
      if (dataType || !data.length) return new known(fields, description);
    } catch {
      // The other side has another version of the error: its data are handed on as they came.
    }
  }
  return new ServiceError(code, description, data);
}

/** The error of a response without success. */
export function responseError(code: number, error: ErrorData | undefined, method: Method<any>): ChirpError {
  switch (code) {
    case resultCode.unknownMethod:
      return new UnknownMethodError(method.name);
    case resultCode.cancelled:
      return new CancelledError(`${method.name}: the other side cancelled the call`);
    case resultCode.error:
      return toError(error!, method);
    default:
      return new ProtocolError(`${method.name}: the other side refused the number of the call`);
  }
}

/** Error data of the framework. `limit` follows them where the code has one. */
export function frameworkError(code: number, description: string, limit?: number): ErrorData {
  const data = new Uint8Array(limit === undefined ? 2 : 10);
  data.set(MARK);
  if (limit !== undefined) new DataView(data.buffer).setBigUint64(2, BigInt(limit));
  return { code, description, data };
}

/** The error data for what a handler threw, and whether the error is one that the handler meant for the caller. */
export function toErrorData(error: unknown, method: string): { data: ErrorData; expected: boolean } {
  if (error instanceof ServiceError && !isFrameworkCode(error.code)) {
    const { dataType } = error.constructor as Partial<ErrorClass>;
    let data = error.data instanceof Uint8Array ? error.data : new Uint8Array(0);
    try {
      if (dataType) data = encode(dataType, error.data, `data of ${error.name}`);
      return { data: { code: error.code, description: error.message, data }, expected: true };
    } catch {
      return { data: frameworkError(frameworkCodes.invalidResult, `${method}: the data of an error cannot be written`), expected: false };
    }
  }
  if (error instanceof FrameworkError && error.code === frameworkCodes.invalidResult) {
    return { data: frameworkError(error.code, error.message), expected: false };
  }
  if (error instanceof EncodeError) {
    return { data: frameworkError(frameworkCodes.invalidResult, error.message), expected: false };
  }
  if (error instanceof DeadlineExceededError) {
    return { data: frameworkError(frameworkCodes.deadlineExceeded, error.message), expected: true };
  }
  // The text of other errors is not for the other side.
  return { data: frameworkError(frameworkCodes.panicked, `the handler of ${method} failed`), expected: false };
}

/** The error data for arguments that cannot be read. */
export function invalidArguments(error: unknown): ErrorData {
  if (error instanceof FrameworkError) return frameworkError(error.code, error.message);
  const text = error instanceof DecodeError ? error.message : "the arguments cannot be read";
  return frameworkError(frameworkCodes.invalidArguments, text);
}
