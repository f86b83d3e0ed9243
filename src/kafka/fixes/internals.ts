/**
 * The one door to the Kafka client's private modules. It promises that a fix is applied to the version it was written
 * for, before anything could have kept the unfixed function, and says by name which module is not what it should be.
 * It knows nothing of what the fixes do. A fix that does not fit must stop the process: running without one loses data.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const PACKAGE = 'kafkajs';

/** The only release whose internals these fixes have been written and tested against. */
export const EXPECTED_VERSION = '2.2.4';

/** A fix cannot be applied: another version of the client, a changed module, or an import in the wrong order. */
export class FixFailed extends Error {
  override name = 'FixFailed';
  readonly code = 'kafka-client-mismatch';
  /** The client's module that is not as expected, as a path inside its `src` folder, or `package`. */
  readonly module: string;

  constructor(module: string, message: string) {
    super(`kafkajs ${module}: ${message}`);
    this.module = module;
  }
}

/** A function whose signature the caller states in its own words. */
// biome-ignore lint/complexity/noBannedTypes: the shapes are checked by name and kind, the fix states the signature
export type AnyFunction = Function;

/** Loads a module of the client's `src` folder. Throws FixFailed when there is none of that name. */
export function internal(path: string): unknown {
  try {
    return require(`${PACKAGE}/src/${path}`);
  } catch (error) {
    throw new FixFailed(path, `cannot be loaded (${error instanceof Error ? error.name : typeof error})`);
  }
}

/** The module's export as a function; FixFailed when it is something else. */
export function internalFunction(path: string): AnyFunction {
  const value = internal(path);
  if (typeof value !== 'function') throw new FixFailed(path, `exports ${typeof value}, not a function`);
  return value;
}

/** Replaces what a module exports for every module that has not required it yet. */
export function replaceExport(path: string, replacement: unknown): void {
  internal(path);
  const entry = require.cache[require.resolve(`${PACKAGE}/src/${path}`)];
  if (entry === undefined) throw new FixFailed(path, 'is not in the module cache');
  entry.exports = replacement;
}

/** The prototype of the class that a module exports, after a check that it has these methods. */
export function prototypeOf(path: string, methods: readonly string[]): Record<string, AnyFunction> {
  const prototype: unknown = internalFunction(path).prototype;
  if (typeof prototype !== 'object' || prototype === null) throw new FixFailed(path, 'exports no class');
  const table = prototype as Record<string, AnyFunction>;
  for (const method of methods) {
    if (typeof table[method] !== 'function') throw new FixFailed(path, `has no method ${method}`);
  }
  return table;
}

/** Throws FixFailed unless the installed client is the expected release. */
export function checkVersion(): void {
  const { version } = require(`${PACKAGE}/package.json`) as { version: string };
  if (version !== EXPECTED_VERSION) {
    throw new FixFailed('package', `version ${version} is installed, the fixes are written for ${EXPECTED_VERSION}`);
  }
}

/**
 * Runs `apply` once per process, however often this module is evaluated, and only if no module of the client has been
 * loaded before: a module that was loaded earlier may hold an unfixed function.
 */
export function applyOnce(apply: () => void): void {
  const manifest = require(`${PACKAGE}/package.json`) as Record<symbol, unknown>;
  const applied = Symbol.for('lead-webhooks.kafka-client-fixes');
  if (manifest[applied] === true) return;
  const source = require.resolve(`${PACKAGE}/src/errors`).slice(0, -'errors.js'.length);
  if (Object.keys(require.cache).some((file) => file.startsWith(source))) {
    throw new FixFailed('package', 'was loaded before its fixes; import the client from kafka/fixes.ts only');
  }
  checkVersion();
  apply();
  manifest[applied] = true;
}

/** The client's public module. */
export function publicModule(): typeof import('kafkajs') {
  return require(PACKAGE) as typeof import('kafkajs');
}
