/**
 * The log as everything below `bin` sees it: an event with fields, then one plain sentence. pino implements it (ops/log.ts).
 * Fields never hold a body, a header value, a token or a column of a row.
 */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
