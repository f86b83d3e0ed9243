/**
 * Changes of the source tables as the records of a connector: Avro in Confluent framing, keyed by primary key, in the
 * partition that a producer would choose. The schemas are registered once, when it is made. It sends nothing.
 */
import { murmur2 } from '../core/partition.ts';
import { TABLES, type Table } from '../core/source-event.ts';
import { type AvroSchema, compileAvro } from '../kafka/avro-schema.ts';
import { frame } from '../kafka/framing.ts';
import type { OutgoingRecord } from '../kafka/record.ts';
import type { Registry } from '../kafka/registry.ts';
import { assert } from '../lib/assert.ts';
import type { ColumnValue, SourceChange, SourceRow } from './source-database.ts';
import { envelopeSchema, keySchema, type SourceColumn, sourceColumns } from './source-schemas.ts';

/** Where the changes of a table go. */
export interface SourceTopic {
  readonly topic: string;
  readonly partitions: number;
}

export type SourceTopics = Readonly<Record<Table, SourceTopic>>;

/** Name of the connector in the records, the first part of a source topic's default name. */
const CONNECTOR = 'dealerstudio';
const JSON_TEXT = 'io.debezium.data.Json';

interface TableEncoder extends SourceTopic {
  readonly key: Framed;
  readonly value: Framed;
  readonly columns: readonly SourceColumn[];
}

interface Framed {
  readonly schema: AvroSchema;
  readonly id: number;
}

export class SourceEncoder {
  readonly #tables: Readonly<Record<Table, TableEncoder>>;

  private constructor(tables: Readonly<Record<Table, TableEncoder>>) {
    this.#tables = tables;
  }

  /** Registers the schemas of the three topics under the connector's subjects, `<topic>-key` and `<topic>-value`. */
  static async register(registry: Pick<Registry, 'registerAs'>, topics: SourceTopics): Promise<SourceEncoder> {
    const register = async (subject: string, schema: object): Promise<Framed> => ({
      schema: compileAvro({ type: 'AVRO', schema, references: [] }),
      id: await registry.registerAs(subject, 'AVRO', schema),
    });
    const tables = await Promise.all(
      TABLES.map(async (table) => {
        const { topic } = topics[table];
        const key = await register(`${topic}-key`, keySchema(topic));
        const value = await register(`${topic}-value`, envelopeSchema(table, topic));
        return [table, { ...topics[table], key, value, columns: sourceColumns(table) }] as const;
      }),
    );
    return new SourceEncoder(Object.fromEntries(tables) as Record<Table, TableEncoder>);
  }

  /**
   * The record of a change that was committed at `commitMs` (ms since the epoch). A column that the table does not have is
   * a mistake of the caller: an assertion fails.
   */
  record(change: SourceChange, commitMs: number): OutgoingRecord {
    const encoder = this.#tables[change.table];
    const key = encoded(encoder.key, { id: change.id });
    const value = change.op === 'tombstone' ? null : encoded(encoder.value, envelope(change, encoder, commitMs));
    return { topic: encoder.topic, partition: partition(key, encoder.partitions), key, value };
  }
}

/** Kafka's standard partitioner over the bytes of the key, frame included, as the connector's producer applies it. */
function partition(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

function encoded({ schema, id }: Framed, value: object): Buffer {
  return frame(id, schema.type.toBuffer(value));
}

function envelope(change: SourceChange, { topic, columns }: TableEncoder, commitMs: number): object {
  const [commit, own] = change.sequence;
  return {
    // With the default replica identity the connector knows the key alone of a deleted row, and nothing of an updated one.
    before: change.op === 'd' ? rowOf({ id: change.id }, columns) : null,
    after: change.row === null ? null : rowOf(change.row, columns),
    source: {
      version: '3.7.0.Final',
      connector: 'postgresql',
      name: CONNECTOR,
      ts_ms: commitMs,
      snapshot: 'false',
      db: 'dealer',
      sequence: JSON.stringify([String(commit), String(own)]),
      schema: 'public',
      table: topic.split('.').at(-1) ?? '',
      lsn: own,
    },
    op: change.op,
    ts_ms: commitMs,
  };
}

function rowOf(row: SourceRow, columns: readonly SourceColumn[]): Record<string, ColumnValue> {
  const names = new Set(columns.map(({ name }) => name));
  for (const name of Object.keys(row)) assert(names.has(name), `the table has no column ${name}`);
  return Object.fromEntries(
    columns.map(({ name, meaning }) => {
      const value = row[name] ?? null;
      return [name, meaning === JSON_TEXT && value !== null ? JSON.stringify(value) : value];
    }),
  );
}
