/** Reads the newest records of a source topic and surveys them, for `sources check`. Bounded: so many records of each partition. */
import type { Observation, SourceSurvey } from '../core/source-survey.ts';
import { framedPayload } from './framing.ts';
import type { PartitionLog } from './partition-log.ts';
import type { KafkaRecord } from './record.ts';
import type { Inspection, SourceCodec } from './source-codec.ts';

/** A stretch that holds too few records (compaction leaves holes) is made longer, but never longer than so many times. */
const WIDEN_MAX = 8;

/**
 * Surveys the newest `count` records of each partition.
 * @throws what the log throws; the reason of `signal`, which should abort when the registry does not answer in time.
 */
export async function surveySource(
  deps: { log: PartitionLog; codec: SourceCodec },
  at: { topic: string; partitions: number; count: number; signal: AbortSignal },
  survey: SourceSurvey,
): Promise<void> {
  for (let partition = 0; partition < at.partitions; partition++) {
    const records = await newest(deps.log, { ...at, partition });
    await deps.codec.prepare(records, at.signal);
    for (const record of records) survey.take(observation(record, deps.codec.inspect(record, survey.table)));
  }
}

async function newest(
  log: PartitionLog,
  at: { topic: string; partition: number; count: number; signal: AbortSignal },
): Promise<KafkaRecord[]> {
  const { earliest, lastStable: to } = await log.ends(at.topic, at.partition);
  for (let widened = 1; ; widened *= 2) {
    const from = Math.max(earliest, to - at.count * widened);
    const found: KafkaRecord[] = [];
    if (from < to) {
      await log.read({ ...at, from, to, committed: true }, (records) => {
        found.push(...records);
        if (found.length > at.count) found.splice(0, found.length - at.count);
      });
    }
    if (found.length >= at.count || from === earliest || widened >= WIDEN_MAX) return found;
  }
}

/** A record and its inspection as the survey takes it. */
export function observation(record: KafkaRecord, inspection: Inspection): Observation {
  const { writer, valueSchema, keySchema, keyId, event, change } = inspection;
  const schema = writer === null ? schemaBeside(record.value) : writer.schema;
  return {
    encoding: record.value === null ? null : encodingOf(inspection, schema),
    valueSchema,
    keySchema,
    hasKey: record.key !== null,
    keyColumns: keyColumns(record.key, inspection),
    keyId,
    event,
    change,
    decimalColumns: decimalColumns(schema),
    writtenAt: record.timestamp,
  };
}

function encodingOf({ writer, valueSchema }: Inspection, schema: unknown): string {
  if (writer !== null) return writer.type === 'JSON' ? 'json by the registry' : writer.type.toLowerCase();
  if (valueSchema !== null) return 'unknown schema';
  return schema === null ? 'json' : 'json with schema';
}

/** Names of the columns that a key is made of; none for a bare value, and for one that cannot be read. */
function keyColumns(key: Buffer | null, { keySchema, keyWriter }: Inspection): string[] {
  if (key === null) return [];
  if (keyWriter !== null && keyWriter.type === 'AVRO') {
    const { fields } = keyWriter.schema as { fields?: readonly { name: string }[] };
    return (fields ?? []).map(({ name }) => name);
  }
  try {
    const read: unknown = JSON.parse((keySchema === null ? key : framedPayload(key)).toString());
    const { payload = read } = Object(read) as { payload?: unknown };
    return typeof payload === 'object' && payload !== null ? Object.keys(payload) : [];
  } catch {
    return [];
  }
}

/** The schema in a `{schema, payload}` record; null = there is none. */
function schemaBeside(value: Buffer | null): unknown {
  if (value === null || value[0] !== OPEN_BRACE || !value.includes('"schema"')) return null;
  try {
    const { schema, payload } = JSON.parse(value.toString()) as { schema?: unknown; payload?: unknown };
    return payload === undefined ? null : (schema ?? null);
  } catch {
    return null;
  }
}

const OPEN_BRACE = '{'.charCodeAt(0);
const DECIMALS: ReadonlySet<unknown> = new Set([
  'org.apache.kafka.connect.data.Decimal',
  'io.debezium.data.VariableScaleDecimal',
]);

/** Names of the fields of a schema, Avro or Connect's JSON, that hold a decimal in bytes, at any depth. */
export function decimalColumns(schema: unknown): string[] {
  const found = new Set<string>();
  const walk = (node: unknown, field: string | null): void => {
    if (Array.isArray(node)) {
      for (const each of node) walk(each, field);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const part = node as Record<string, unknown>;
    const name = part['connect.name'] ?? part['logicalType'] ?? part['name'];
    if (field !== null && (DECIMALS.has(name) || (name === 'decimal' && part['type'] === 'bytes'))) found.add(field);
    if (Array.isArray(part['fields'])) {
      for (const each of part['fields'] as Record<string, unknown>[]) {
        const own = each['field'] ?? each['name'];
        const ownName = typeof own === 'string' ? own : null;
        if ('field' in each) walk({ ...each, field: undefined }, ownName);
        else walk(each['type'], ownName);
      }
    } else {
      for (const key of ['type', 'items', 'values']) walk(part[key], field);
    }
  };
  walk(schema, null);
  return [...found];
}
