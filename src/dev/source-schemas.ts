/**
 * The Avro schemas under which changes of the source tables are published: the rows of schemas/sources wrapped into a
 * connector's envelope, named as Debezium names them (`<topic>.Envelope`, `<topic>.Value`, `<topic>.Key`). It registers and
 * encodes nothing.
 */
import { readFileSync } from 'node:fs';
import type { Table } from '../core/source-event.ts';

const FILES: Readonly<Record<Table, string>> = {
  lead: 'lead.avsc',
  appointment: 'appointment.avsc',
  test_drive: 'test-drive.avsc',
};

/** A column of a source table. */
export interface SourceColumn {
  readonly name: string;
  /** `connect.name` of its type, such as `io.debezium.data.Json`; null = a plain type. */
  readonly meaning: string | null;
}

interface Field {
  readonly name: string;
  readonly type: unknown;
}

/** The columns of a table, in the order of its schema. */
export function sourceColumns(table: Table): readonly SourceColumn[] {
  return rowFields(table).map(({ name, type }) => ({ name, meaning: meaningOf(type) }));
}

/** The schema of the values of a table's topic. */
export function envelopeSchema(table: Table, topic: string): object {
  const namespace = namespaceOf(topic);
  const value = { type: 'record', name: 'Value', fields: rowFields(table), 'connect.name': `${namespace}.Value` };
  return {
    type: 'record',
    name: 'Envelope',
    namespace,
    fields: [
      { name: 'before', type: ['null', value], default: null },
      { name: 'after', type: ['null', 'Value'], default: null },
      { name: 'source', type: SOURCE },
      { name: 'op', type: 'string' },
      { name: 'ts_ms', type: ['null', 'long'], default: null },
    ],
    'connect.name': `${namespace}.Envelope`,
  };
}

/** The schema of the keys of a topic. */
export function keySchema(topic: string): object {
  const namespace = namespaceOf(topic);
  const fields = [{ name: 'id', type: 'long' }];
  return { type: 'record', name: 'Key', namespace, fields, 'connect.name': `${namespace}.Key` };
}

/** What a connector says about where a change comes from. */
const SOURCE = {
  type: 'record',
  name: 'Source',
  namespace: 'io.debezium.connector.postgresql',
  fields: [
    { name: 'version', type: 'string' },
    { name: 'connector', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'ts_ms', type: 'long' },
    { name: 'snapshot', type: ['null', 'string'], default: null },
    { name: 'db', type: 'string' },
    { name: 'sequence', type: ['null', 'string'], default: null },
    { name: 'schema', type: 'string' },
    { name: 'table', type: 'string' },
    { name: 'lsn', type: ['null', 'long'], default: null },
  ],
  'connect.name': 'io.debezium.connector.postgresql.Source',
} as const;

function rowFields(table: Table): readonly Field[] {
  const text = readFileSync(new URL(`../../schemas/sources/${FILES[table]}`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { fields: Field[] }).fields;
}

/** `connect.name` of a type, also of the branch of a union with null. */
function meaningOf(type: unknown): string | null {
  const branches = Array.isArray(type) ? type : [type];
  for (const branch of branches) {
    const name: unknown = typeof branch === 'object' && branch !== null ? branch['connect.name'] : undefined;
    if (typeof name === 'string') return name;
  }
  return null;
}

/** An Avro name may hold letters, digits, underscores and dots only. */
function namespaceOf(topic: string): string {
  return topic.replace(/[^A-Za-z0-9_.]/g, '_').replace(/(^|\.)(\d)/g, '$1_$2');
}
