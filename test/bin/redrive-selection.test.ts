import { expect, test } from 'vitest';
import { Selection } from '../../src/bin/redrive-selection.ts';
import { testLetter } from '../support/letters.ts';

const places = (selection: Selection): string[] =>
  selection.chosen.map(({ partition, offset }) => `${partition}/${offset}`);

test('of an endpoint and lead the newest revision alone is chosen, and of the same one the last dead letter', () => {
  const selection = new Selection(false);
  for (const [offset, revision] of [
    [1, 5],
    [2, 7],
    [3, 6],
    [4, 7],
  ] as const)
    selection.add(testLetter({ offset, revision }), null);
  selection.add(testLetter({ offset: 5, revision: 1, lead: '2' }), null);
  selection.add(testLetter({ offset: 6, revision: 1, endpoint: 'erp' }), null);
  expect(places(selection)).toEqual(['0/4', '0/5', '0/6']);
  expect(selection.left.map(({ letter, not, final }) => [letter.offset, not, final])).toEqual([
    [1, 'is older than 0/2, which is asked for', false],
    [3, 'is older than 0/2, which is asked for', false],
    [2, 'is the same as 0/4', false],
  ]);
});

test('with every, all revisions are chosen in their order, each once', () => {
  const selection = new Selection(true);
  for (const [offset, revision] of [
    [1, 6],
    [2, 5],
    [3, 6],
  ] as const)
    selection.add(testLetter({ offset, revision }), null);
  expect(places(selection)).toEqual(['0/2', '0/3']);
});

test('what cannot be redriven is left out for good, with its reason', () => {
  const selection = new Selection(false);
  selection.add(testLetter({ stage: 'rekey' }), 'is a source record');
  selection.add(testLetter({ revision: null }), null);
  expect(selection.chosen).toEqual([]);
  expect(selection.left.map(({ not, final }) => [not, final])).toEqual([
    ['is a source record', true],
    ['has no revision', true],
  ]);
});
