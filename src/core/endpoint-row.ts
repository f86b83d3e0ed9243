/**
 * A record of the endpoints topic as a definition or its removal. Both ways to fill such a topic are read: a JSON object written by
 * somebody's tool, and the rows of a table by change data capture, as Debezium envelopes or flattened. Says which endpoint it is
 * about and what its fields are; whether those are right is for the reader of definitions.
 */

export type EndpointRow =
  /** `fields` = null: the endpoint is defined no longer. */
  | { readonly kind: 'row'; readonly id: string; readonly fields: Fields | null }
  | { readonly kind: 'ignored' }
  /** `id` = null when not even that can be read. The message names no value. */
  | { readonly kind: 'bad'; readonly id: string | null; readonly message: string };

type Fields = Readonly<Record<string, unknown>>;

/** Columns that tables have besides. */
const BESIDES: ReadonlySet<string> = new Set(['created_at', 'updated_at', 'deleted_at']);
/** Fields that hold more than one value; a table keeps them as JSON, which arrives as text. */
const NESTED = ['filters', 'auth', 'signing', 'limits', 'retry', 'outcomes', 'breaker', 'tls', 'allow'] as const;
/** Nobody writes a definition that is deeper; what is could exhaust the stack of its reader. */
const DEPTH_MAX = 8;

/**
 * Reads a record whose key and value were decoded from JSON or Avro; null = there is none.
 * @param unavailable what the connector writes for a large value that did not change. Such a row is bad: nothing else holds what
 *   the value was, and after compaction nothing ever will.
 */
export function endpointRow(key: unknown, value: unknown, unavailable: string): EndpointRow {
  const ofKey = idOf(payloadOf(key));
  const row = payloadOf(value);
  if (row === null || row === undefined) return removed(ofKey);
  if (!isObject(row)) return bad(ofKey, 'the value is no object');
  if (typeof row['op'] === 'string' && ('after' in row || 'before' in row)) return ofEnvelope(row, ofKey, unavailable);
  return ofRow(row, ofKey, unavailable);
}

function ofEnvelope(envelope: Fields, ofKey: string | null, unavailable: string): EndpointRow {
  const { op, before, after } = envelope;
  if (op === 'd') return removed(idOf(before) ?? ofKey);
  if (op !== 'c' && op !== 'u' && op !== 'r') return { kind: 'ignored' };
  return isObject(after) ? ofRow(after, ofKey, unavailable) : bad(ofKey, 'the envelope holds no row');
}

function ofRow(row: Fields, ofKey: string | null, unavailable: string): EndpointRow {
  const id = idOf(row) ?? ofKey;
  const isDeleted = row['__op'] === 'd' || String(row['__deleted']) === 'true' || (row['deleted_at'] ?? null) !== null;
  if (isDeleted || id === null) return removed(id);
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(row)) {
    if (name.startsWith('__') || BESIDES.has(name)) continue;
    if (value === unavailable)
      return bad(id, `${name} was left out by the source: the table needs REPLICA IDENTITY FULL`);
    fields[name] = value;
  }
  for (const name of NESTED) if (typeof fields[name] === 'string') fields[name] = parsed(fields[name]);
  if (isDeeper(fields, DEPTH_MAX)) return bad(id, 'the value is nested too deeply');
  return { kind: 'row', id, fields: { ...fields, id } };
}

function removed(id: string | null): EndpointRow {
  return id === null
    ? bad(null, 'there is no id, neither in the key nor in the value')
    : { kind: 'row', id, fields: null };
}

function bad(id: string | null, message: string): EndpointRow {
  return { kind: 'bad', id, message };
}

/** Of the key, or of a row: `{ id }`, or the bare text or number. */
function idOf(value: unknown): string | null {
  const id = isObject(value) ? value['id'] : value;
  if (typeof id === 'number' || typeof id === 'bigint') return String(id);
  return typeof id === 'string' && id !== '' ? id : null;
}

/** Kafka Connect's JSON with its schema beside it. */
function payloadOf(value: unknown): unknown {
  return isObject(value) && 'schema' in value && 'payload' in value ? value['payload'] : value;
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1));
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
