/**
 * The records captured from a real Debezium (test/data/debezium), as Kafka records, and the registry's schemas beside them.
 * A topic's file holds its records by partition and offset, keys and values in base64.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Table } from '../../src/core/source-event.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { SchemaSource, WriterSchema } from '../../src/kafka/registry.ts';

const FOLDER = new URL('../data/debezium/', import.meta.url);

/** `avro`, `json` (normal streams) and `poison` (values that PostgreSQL allows and nobody expects). */
export type SampleFolder = 'avro' | 'json' | 'poison';

interface SampleLine {
  topic: string;
  partition: number;
  offset: string;
  timestamp: string;
  keyBase64: string | null;
  valueBase64: string | null;
  headers: Record<string, string[]>;
}

/** Names of the sample files of a folder, e.g. `crm.public.leads.ndjson`. */
export function sampleFiles(folder: SampleFolder): string[] {
  return readdirSync(new URL(`${folder}/`, FOLDER)).filter((name) => name.endsWith('.ndjson'));
}

/** The records of one sample file. */
export function sampleRecords(folder: SampleFolder, file: string): KafkaRecord[] {
  return lines<SampleLine>(`${folder}/${file}`).map((line) => ({
    topic: line.topic,
    partition: line.partition,
    offset: Number(line.offset),
    timestamp: Number(line.timestamp),
    key: line.keyBase64 === null ? null : Buffer.from(line.keyBase64, 'base64'),
    value: line.valueBase64 === null ? null : Buffer.from(line.valueBase64, 'base64'),
    headers: Object.fromEntries(
      Object.entries(line.headers).map(([name, values]) => [name, Buffer.from(values.at(-1) ?? '')]),
    ),
  }));
}

/** The facts of PostgreSQL's own tables at the end of the normal streams: one line per lead. */
export function sampleTruth(schema: 'public' | 'ri_full'): Record<string, unknown>[] {
  return sampleTruthTexts(schema).map((text) => JSON.parse(text) as Record<string, unknown>);
}

/** The same as text, for those who care about the digits. */
export function sampleTruthTexts(schema: 'public' | 'ri_full'): string[] {
  return textLines(`truth/${schema}.ndjson`);
}

/** The table that a sample topic holds; null for topics that are none of ours (messages, signals). */
export function sampleTable(file: string): Table | null {
  if (file.includes('.leads.')) return 'lead';
  if (file.includes('.appointments.')) return 'appointment';
  return file.includes('.test_drives.') ? 'test_drive' : null;
}

/** Schemas by registry id, as the registry gave them. */
export function sampleSchemas(): Map<number, WriterSchema> {
  const schemas = new Map<number, WriterSchema>();
  for (const folder of ['avro', 'poison']) {
    const text = readFileSync(new URL(`${folder}/schemas.json`, FOLDER), 'utf8');
    const byId = JSON.parse(text) as Record<string, { schema: unknown }>;
    for (const [id, { schema }] of Object.entries(byId))
      schemas.set(Number(id), { type: 'AVRO', schema, references: [] });
  }
  return schemas;
}

/** A registry that holds the samples' schemas. */
export function sampleRegistry(): SchemaSource {
  const schemas = sampleSchemas();
  return { schemaById: (id) => Promise.resolve(schemas.get(id) ?? 'unknown') };
}

function lines<T>(path: string): T[] {
  return textLines(path).map((line) => JSON.parse(line) as T);
}

function textLines(path: string): string[] {
  return readFileSync(new URL(path, FOLDER), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
