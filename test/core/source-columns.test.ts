import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SOURCE_COLUMNS } from '../../src/core/source-columns.ts';
import { TABLES } from '../../src/core/source-event.ts';

const FILES = { lead: 'lead', appointment: 'appointment', test_drive: 'test-drive' } as const;

describe('the columns that are read', () => {
  it.each(TABLES)('of table %s are those that schemas/sources documents, each with a sentence', (table) => {
    const path = new URL(`../../schemas/sources/${FILES[table]}.avsc`, import.meta.url);
    const { fields } = JSON.parse(readFileSync(path, 'utf8')) as { fields: { name: string; doc?: string }[] };
    expect(fields.map(({ name }) => name).sort()).toEqual([...SOURCE_COLUMNS[table]].sort());
    for (const { doc } of fields) expect(doc).toMatch(/\.$/);
  });
});
