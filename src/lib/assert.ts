/**
 * The check for our own mistakes. It is always on: a broken invariant ends the process, and the platform starts it again
 * from what Kafka holds. Bad input is never an assertion: it is a value with a written policy.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/** Ends a function that was told to handle every member of a union. */
export function unreachable(value: never, what: string): never {
  throw new AssertionFailed(`${what}: unexpected ${JSON.stringify(value)}`);
}

/** A bug of this program, never a fault of its input or of the world. */
export class AssertionFailed extends Error {
  override name = 'AssertionFailed';
}
