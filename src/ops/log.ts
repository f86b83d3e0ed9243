/**
 * The log: JSON lines on stderr, by pino. Each line has `level`, `time` (ISO, UTC), `event` and other fields, and `msg`, one plain sentence.
 * No pid and no host: the platform knows them better.
 *
 * Callers keep secrets and personal data out of their fields (S8). As a second line of defence, fields whose name sounds like one are
 * masked here, at any depth that is looked at, and an error is reduced to its name, code, message, stack and cause.
 */
import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import type { Log, LogFields } from '../lib/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const DEPTH_MAX = 4;
const SECRET_NAME = /pass(word|phrase)?$|secret|token|authorization|api.?key|private.?key|cookie|credential/i;
const BODY_NAME = /^(body|headers?|row|before|after)$/i;

/**
 * A log of its own.
 * @param level the least level that is written.
 * @param stream where the lines go; without one to stderr, written before the call returns, so that the last line before an exit is not lost.
 */
export function createLog(level: LogLevel, stream?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: masked },
      serializers: {},
    },
    stream ?? destination({ fd: 2, sync: true }),
  );
}

function masked(fields: LogFields): Record<string, unknown> {
  return maskedMembers(fields, 1);
}

function maskedMembers(fields: object, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) shown[name] = maskedValue(name, value, depth);
  return shown;
}

function maskedValue(name: string, value: unknown, depth: number): unknown {
  if (SECRET_NAME.test(name)) return '[secret]';
  if (BODY_NAME.test(name)) return '[left out]';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return '[too deep]';
  if (value instanceof Error) return shownError(value, depth);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (Array.isArray(value)) return value.map((each) => maskedValue('', each, depth + 1));
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON();
  if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`;
  return maskedMembers(value, depth + 1);
}

function shownError(error: Error, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = { name: error.name, message: error.message };
  if ('code' in error) shown['code'] = error.code;
  if (error.stack !== undefined) shown['stack'] = error.stack;
  if (error.cause !== undefined) shown['cause'] = maskedValue('cause', error.cause, depth + 1);
  return shown;
}
