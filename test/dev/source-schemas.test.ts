/** The schemas of made-up changes: every column that the product reads is there, and names are legal in Avro. */
import { expect, test } from 'vitest';
import { SOURCE_COLUMNS } from '../../src/core/source-columns.ts';
import { TABLES } from '../../src/core/source-event.ts';
import { envelopeSchema, keySchema, sourceColumns } from '../../src/dev/source-schemas.ts';
import { compileAvro } from '../../src/kafka/avro-schema.ts';

test.each(TABLES)('the schema of %s has every column that is read', (table) => {
  const names = sourceColumns(table).map(({ name }) => name);
  // Where rows may spell a column in two ways, the schema has one of them.
  const read = SOURCE_COLUMNS[table].filter((name) => name !== 'timezone');
  expect(names).toEqual(expect.arrayContaining([...read]));
});

test.each(['plain', 'with-hyphen.public.leads', '7.is.9digits'])('topic %s gives schemas that compile', (topic) => {
  for (const schema of [envelopeSchema('lead', topic), keySchema(topic)]) {
    const compiled = compileAvro({ type: 'AVRO', schema, references: [] });
    expect(compiled.type.name).toMatch(/^([A-Za-z_]\w*\.)+(Envelope|Key)$/);
  }
});

test('what a column means is told by its type', () => {
  const meanings = Object.fromEntries(sourceColumns('lead').map(({ name, meaning }) => [name, meaning]));
  expect(meanings).toMatchObject({
    id: null,
    prospect: 'io.debezium.data.Json',
    created_at: 'io.debezium.time.MicroTimestamp',
  });
});
