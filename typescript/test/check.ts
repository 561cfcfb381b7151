// Checks that run in Node and in browsers.

function same(found: unknown, expected: unknown): boolean {
  if (Object.is(found, expected)) return true;
  if (typeof found !== "object" || typeof expected !== "object" || !found || !expected) return false;
  if (Object.getPrototypeOf(found) !== Object.getPrototypeOf(expected)) return false;
  if (found instanceof Map) return same([...found], [...(expected as Map<unknown, unknown>)]);
  const [left, right] = [Object.keys(found), Object.keys(expected)];
  return left.length === right.length && left.every((key) => same((found as any)[key], (expected as any)[key]));
}

function show(value: unknown): string {
  return value instanceof Error
    ? `${value.name}: ${value.message}`
    : JSON.stringify(value, (_, field) => (typeof field === "bigint" ? `${field}n` : field === undefined ? "undefined" : field));
}

export function equal<T>(found: T, expected: T): void {
  if (!same(found, expected)) throw new Error(`expected ${show(expected)}, found ${show(found)}`);
}

export function ok(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Waits for the error of `promise`, which must be of the class. */
export async function rejects<E extends Error>(promise: Promise<unknown>, expected: abstract new (...args: any[]) => E): Promise<E> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof expected) return error;
    throw new Error(`expected ${expected.name}, found ${show(error)}`);
  }
  throw new Error(`expected ${expected.name}, found the value ${show(value)}`);
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`in 10 s, not: ${what}`);
    await pause(5);
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
