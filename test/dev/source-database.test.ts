/** The made-up database: what its log says about changes, and that it keeps its rows. */
import { expect, test } from 'vitest';
import { SourceDatabase } from '../../src/dev/source-database.ts';

test('an update names only what changes, and tells the whole row', () => {
  const database = new SourceDatabase();
  database.insert('lead', { id: 1, category: 'a', comments: 'b' });
  const change = database.update('lead', 1, { comments: 'c' });
  expect(change).toMatchObject({ op: 'u', row: { id: 1, category: 'a', comments: 'c' } });
  expect(database.row('lead', 1)).toEqual(change.row);
});

test('log positions grow strictly over all tables, and each begins where the last one ended', () => {
  const database = new SourceDatabase(100);
  const changes = [
    database.insert('lead', { id: 1 }),
    database.insert('appointment', { id: 1 }),
    database.update('lead', 1, {}),
  ];
  expect(changes.map(({ sequence }) => sequence)).toEqual([
    [100, 108],
    [108, 116],
    [116, 124],
  ]);
});

test('a delete is followed by its tombstone, and the row is gone', () => {
  const database = new SourceDatabase();
  database.insert('test_drive', { id: 5 });
  expect(database.remove('test_drive', 5).map(({ op, row }) => [op, row])).toEqual([
    ['d', null],
    ['tombstone', null],
  ]);
  expect(database.row('test_drive', 5)).toBeUndefined();
});

test('making a row that is there, or changing one that is not, is a mistake of the caller', () => {
  const database = new SourceDatabase();
  database.insert('lead', { id: 1 });
  expect(() => database.insert('lead', { id: 1 })).toThrow('lead 1 is there already');
  expect(() => database.update('lead', 2, {})).toThrow('lead 2 is not there');
  expect(() => database.remove('appointment', 1)).toThrow('appointment 1 is not there');
});
