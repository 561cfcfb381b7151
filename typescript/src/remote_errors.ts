import {
  CancelledError,
  ChirpError,
  DeadlineExceededError,
  LimitError,
  EncodeError,
  FrameworkError,
  DEADLINE_EXCEEDED, INVALID_ARGUMENTS, INVALID_RESULT, PANICKED,
  ProtocolError,
  ServiceError,
  UnknownMethodError,
  type ErrorClass,
} from "./errors.js";
import { join, u64, type ErrorData } from "./packets.js";
import type { Method } from "./service.js";
import { decode, encode } from "./streams.js";
import { bytes } from "./types.js";

/** The result codes of responses (PROTOCOL.md, section 2.3). */
export const SUCCESS = 0;
export const UNKNOWN_METHOD = 1;
export const DUPLICATE = 2;
export const CANCELLED_CALL = 3;
export const SERVICE_ERROR = 4;

/** The auxiliary data of framework errors begin so. */
const MARK = [0xc7, 0x45];

const isFrameworkCode = (code: number): boolean => code >> 8 === 0xc7;

/** The error that error data of the other side stand for. */
export function toError({ code, description, data }: ErrorData, method: Method<any>): ChirpError {
  if (isFrameworkCode(code) && data[0] === MARK[0] && data[1] === MARK[1]) {
    const text = `${method.name}: ${description}`;
    return code === DEADLINE_EXCEEDED ? new DeadlineExceededError(text) : new FrameworkError(code, text);
  }
  const known = method.errors?.find((candidate) => candidate.code === code);
  try {
    // Raw data of no bytes are not written at all.
    if (known?.dataType === bytes && !data.length) return new known(data, description);
    if (known?.dataType) return new known(decode(known.dataType, data, description), description);
  } catch {
    // The other side has another version of the error: its data are handed on as they came.
    return new ServiceError(code, description, data);
  }
  return known && !data.length ? new known(undefined, description) : new ServiceError(code, description, data);
}

/** The error of a response without success. */
export function responseError(code: number, error: ErrorData | undefined, method: Method<any>): ChirpError {
  if (error) return toError(error, method);
  if (code === UNKNOWN_METHOD) return new UnknownMethodError(method.name);
  if (code === CANCELLED_CALL) return new CancelledError(`${method.name}: cancelled by the other side`);
  return new ProtocolError(`${method.name}: duplicate request`);
}

/** Error data of the framework. `limit` follows them where the code has one. */
export function frameworkError(code: number, description: string, limit?: number): ErrorData {
  return { code, description, data: join(MARK, limit === undefined ? [] : u64(BigInt(limit))) };
}

/** Is told what a handler or the source of a stream threw, unless it was meant for the other side. */
export type Report = (error: unknown, subject: string) => void;

/** The error data for what a handler or the source of a stream threw. */
export function toErrorData(error: unknown, subject: string, report: Report): ErrorData {
  try {
    if (error instanceof ServiceError && !isFrameworkCode(error.code)) {
      const { dataType } = error.constructor as Partial<ErrorClass>;
      const raw = error.data instanceof Uint8Array ? error.data : new Uint8Array(0);
      const data = dataType ? encode(dataType, error.data, `data of ${error.name}`) : raw;
      return { code: error.code, description: error.message, data };
    }
  } catch (failure) {
    error = failure;
  }
  const isResult = error instanceof EncodeError || error instanceof LimitError;
  try {
    report(error, subject);
  } catch (failure) {
    console.error(failure);
  }
  // The text of other errors is not for the other side.
  return isResult ? frameworkError(INVALID_RESULT, (error as Error).message) : frameworkError(PANICKED, `${subject} failed`);
}

/** The error data for arguments that cannot be read. */
export function invalidArguments(error: unknown): ErrorData {
  if (error instanceof FrameworkError) return frameworkError(error.code, error.message);
  return frameworkError(INVALID_ARGUMENTS, (error as Error).message);
}
