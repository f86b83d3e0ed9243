/**
 * The program will not start like this, and only the operator can change it. The message says what is wrong and what mends
 * it; it is printed as it is, without a stack.
 */
export class StartRefused extends Error {
  override name = 'StartRefused';
}
