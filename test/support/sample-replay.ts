/**
 * Replays a captured Debezium stream into an installation: same partitions, same order, same bytes, but for the schema ids, which
 * are those that the tests' registry gives. Also what the captured tables say that the payloads must end in.
 */
import type { Table } from '../../src/core/source-event.ts';
import { framedSchemaId } from '../../src/kafka/framing.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { Registry } from '../../src/kafka/registry.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type SampleFolder, sampleFiles, sampleRecords, sampleSchemas, sampleTable } from './samples.ts';

/** Partitions of every captured topic. */
export const SAMPLE_PARTITIONS = 3;

/** Old schema id → the id that the registry gives it. */
export type SchemaIds = ReadonlyMap<number, number>;

/** Registers the samples' Avro schemas, each under a subject of its own: what guards subjects is not the point here. */
export async function registerSamples(registryUrl: string, prefix: string): Promise<SchemaIds> {
  const registry = new Registry({ clock: systemClock }, { url: registryUrl });
  const ids = new Map<number, number>();
  for (const [id, { schema }] of sampleSchemas()) {
    ids.set(id, await registry.registerAs(`${prefix}-${id}`, 'AVRO', registrable(schema)));
  }
  return ids;
}

/**
 * Apicurio 3.3 refuses a schema with a text field whose default is `{}` over the Confluent API, though it took this one from its
 * own converter. A blank before it satisfies it; a writer's defaults say nothing about what is in a record.
 */
function registrable(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"default":"{}"', '"default":" {}"')) as object;
}

/**
 * The records of a captured stream, e.g. `crm.public`, for the source topics that `topicOf` names. Other topics of the stream
 * (messages, signals) are left out, as a configuration that names its three topics leaves them out.
 */
export function streamRecords(
  stream: { folder: SampleFolder; name: string },
  ids: SchemaIds,
  topicOf: (table: Table) => string,
): OutgoingRecord[] {
  return sampleFiles(stream.folder)
    .filter((file) => file.startsWith(`${stream.name}.`))
    .flatMap((file) => {
      const table = sampleTable(file);
      if (table === null) return [];
      return sampleRecords(stream.folder, file).map(({ partition, key, value, headers }) => ({
        topic: topicOf(table),
        partition,
        key: reframed(key, ids),
        value: reframed(value, ids),
        headers,
      }));
    });
}

function reframed(bytes: Buffer | null, ids: SchemaIds): Buffer | null {
  const id = bytes === null ? null : framedSchemaId(bytes);
  if (bytes === null || id === null) return bytes;
  const given = ids.get(id);
  if (given === undefined) throw new Error(`the samples have no schema ${id}`);
  const copy = Buffer.from(bytes);
  copy.writeInt32BE(given, 1);
  return copy;
}

/** JSON whose numbers are decimal text in one spelling: `46.90` and `46.9` are equal, 9007199254740993 is not …992. */
export function exactJson(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? `number ${plainDecimal(context?.source ?? String(value))}` : value,
  );
}

function plainDecimal(written: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(written)) return written;
  return written.includes('.') ? written.replace(/\.?0+$/, '') : written;
}

/**
 * What a body must hold where the captured tables say so. `truth` and `body` come from `exactJson`. Documented objects are
 * compared key by key of the body, one that is null in the table being an object of nulls; free-form JSON as a whole.
 */
export function expectedOf(truth: Readonly<Record<string, unknown>>, body: Readonly<Record<string, unknown>>): object {
  const expected: Record<string, unknown> = {};
  for (const key of Object.keys(body)) {
    if (!Object.hasOwn(truth, key)) continue;
    const fact = truth[key] ?? null;
    if (key === 'additional_details') expected[key] = fact ?? {};
    else if (key === 'lead_events') expected[key] = fact ?? [];
    else expected[key] = shaped(fact, body[key]);
  }
  return expected;
}

function shaped(fact: unknown, like: unknown): unknown {
  if (typeof like !== 'object' || like === null || Array.isArray(like)) return fact ?? null;
  const members: Readonly<Record<string, unknown>> = typeof fact === 'object' && fact !== null ? { ...fact } : {};
  return Object.fromEntries(Object.entries(like).map(([key, part]) => [key, shaped(members[key] ?? null, part)]));
}
