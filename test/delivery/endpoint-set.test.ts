import { expect, test } from 'vitest';
import type { EndpointRow } from '../../src/core/endpoint-row.ts';
import { EndpointSet } from '../../src/delivery/endpoint-set.ts';

const tokens: Record<string, string> = {};
const secrets = { env: (name: string) => tokens[name] ?? null, file: () => null };

function made(): EndpointSet {
  const options = { secrets, emittedVersions: ['v1', 'v2', 'v3'] };
  return new EndpointSet({ fileName: 'e.yaml', topicName: 'endpoints', file: options, topic: options });
}

const entry = (id: string, more = ''): string =>
  `  - { id: ${id}, dealership: 3, url: "https://${id}.example/", version: v3${more} }\n`;
const file = (...entries: string[]) => ({ text: `endpoints:\n${entries.join('') || '  []\n'}` });
const row = (id: string, more: object = {}): EndpointRow => {
  return { kind: 'row', id, fields: { id, dealership: 3, url: `https://${id}.example/`, version: 'v3', ...more } };
};
const rows = (...all: EndpointRow[]): Map<string, EndpointRow> => {
  return new Map(all.flatMap((each) => ('id' in each && each.id !== null ? [[each.id, each] as const] : [])));
};
const ids = (set: EndpointSet): string[] => set.endpoints.map(({ id }) => id).sort();
const of = (set: EndpointSet, id: string) => set.endpoints.find((endpoint) => endpoint.id === id);

test('the endpoints of file and topic are in effect together', () => {
  const set = made();
  set.readAgain(file(entry('a'), entry('b')));
  set.setRows(rows(row('c')));
  expect([ids(set), set.count('file'), set.count('topic'), set.refused]).toEqual([['a', 'b', 'c'], 2, 1, []]);
});

test('a definition that did not change stays the same object, one that did is a new one', () => {
  const set = made();
  const unchanged = row('c');
  set.readAgain(file(entry('a'), entry('b')));
  set.setRows(rows(unchanged, row('d')));
  const before = ['a', 'b', 'c', 'd'].map((id) => of(set, id));
  set.readAgain(file(entry('b', ', on: create'), entry('a')));
  set.setRows(rows(row('d', { on: 'create' }), unchanged));
  expect(['a', 'b', 'c', 'd'].map((id, at) => of(set, id) === before[at])).toEqual([true, false, true, false]);
});

test('a secret that changed makes a new definition, in the file and in the topic', () => {
  tokens['T'] = 'old';
  const set = made();
  const auth = { type: 'bearer', token: { env: 'T' } };
  const text = file(entry('a', ', auth: { type: bearer, token: { env: T } }'));
  set.readAgain(text);
  set.setRows(rows(row('b', { auth })));
  const before = set.endpoints;
  tokens['T'] = 'new';
  set.readAgain(text);
  const after = set.endpoints.map(({ auth: each }) => each.type === 'bearer' && each.token.reveal());
  expect([after, set.endpoints.some((endpoint) => before.includes(endpoint))]).toEqual([['new', 'new'], false]);
});

test('a secret that is gone leaves the definition with the old one in effect, and says so', () => {
  tokens['T'] = 'old';
  const set = made();
  const text = file(entry('a', ', auth: { type: bearer, token: { env: T } }'));
  set.readAgain(text);
  const before = of(set, 'a');
  delete tokens['T'];
  set.readAgain(text);
  expect(of(set, 'a')).toBe(before);
  expect(set.refused).toEqual([
    {
      origin: 'file',
      id: null,
      why: 'mistake',
      problems: ['e.yaml:2: endpoints[0].auth.token.env the environment variable is not there or cannot be read'],
    },
  ]);
});

test('a mistake in the file changes its endpoint not at all, and the others as they say', () => {
  const set = made();
  set.readAgain(file(entry('a'), entry('b')));
  const before = of(set, 'a');
  set.readAgain(file(entry('a', ', on: never'), entry('b', ', on: create'), entry('c')));
  expect([of(set, 'a') === before, of(set, 'b')?.on, ids(set)]).toEqual([true, 'create', ['a', 'b', 'c']]);
  expect(set.refused.map(({ problems }) => problems)).toEqual([
    ['e.yaml:2: endpoints[0].on must be one of change, create'],
  ]);
});

test('nothing is removed by a file with mistakes; once it is right, what is not in it goes', () => {
  const set = made();
  set.readAgain(file(entry('a'), entry('b')));
  set.readAgain(file(entry('A_TYPO')));
  expect(ids(set)).toEqual(['a', 'b']);
  set.readAgain({ text: 'endpoints:\n  - {' });
  expect(ids(set)).toEqual(['a', 'b']);
  set.readAgain({ problem: 'cannot be read (ENOENT)' });
  expect([ids(set), set.refused[0]?.problems]).toEqual([['a', 'b'], ['e.yaml: cannot be read (ENOENT)']]);
  set.readAgain(file(entry('b')));
  expect([ids(set), set.refused]).toEqual([['b'], []]);
});

test('an endpoint that is switched off, and on again, is so at once', () => {
  const set = made();
  set.readAgain(file(entry('a')));
  set.readAgain(file(entry('a', ', enabled: false')));
  expect(of(set, 'a')?.enabled).toBe(false);
  set.readAgain(file(entry('a')));
  expect(of(set, 'a')?.enabled).toBe(true);
});

test('a row with mistakes leaves its endpoint as it was; a removal removes it', () => {
  const set = made();
  set.setRows(rows(row('a')));
  const before = of(set, 'a');
  set.setRows(rows(row('a', { url: 'nonsense' })));
  expect(of(set, 'a')).toBe(before);
  expect(set.refused).toEqual([
    { origin: 'topic', id: 'a', why: 'mistake', problems: ['url must be an absolute https URL'] },
  ]);
  set.setRows(rows({ kind: 'bad', id: 'a', message: 'the value is not JSON' }));
  expect([of(set, 'a') === before, set.refused[0]?.problems]).toEqual([true, ['the value is not JSON']]);
  set.setRows(rows());
  expect([ids(set), set.refused]).toEqual([[], []]);
});

test('a removal counts although a definition with mistakes follows before the set is settled', () => {
  const set = made();
  set.setRows(rows(row('a', { url: 'https://old.example/' })));
  set.removed('a');
  set.setRows(rows(row('a', { url: 'nonsense' })));
  expect([of(set, 'a')?.heldBack, of(set, 'a')?.url.hostname]).toEqual([true, 'held-back.invalid']);
});

test('an endpoint of the file is not removed by the topic', () => {
  const set = made();
  set.readAgain(file(entry('a')));
  const before = of(set, 'a');
  set.removed('a');
  set.setRows(rows());
  expect(of(set, 'a')).toBe(before);
});

test('an endpoint whose only known definition has mistakes is held back with all that it wants', () => {
  const set = made();
  const wants = { dealership: 7, version: 'v2', on: 'create', filters: { websites: [794] }, supersede: false };
  const row7 = row('a', { ...wants, url: 'nonsense', auth: { type: 'magic' }, retry: { giveUpAfterMs: 5 } });
  set.setRows(rows(row7));
  expect(set.endpoints).toMatchObject([
    { id: 'a', dealership: '7', version: 'v2', on: 'create', supersede: false, heldBack: true, enabled: true },
  ]);
  expect([set.endpoints[0]?.filters.websites, set.endpoints[0]?.retry.giveUpAfterMs]).toEqual([new Set(['794']), 5]);
  expect([set.endpoints[0]?.url.hostname, set.refused.length]).toEqual(['held-back.invalid', 1]);
  expect(set.unmatched).toEqual([]);
  set.setRows(rows(row('a', { ...wants })));
  expect([of(set, 'a')?.heldBack, of(set, 'a')?.url.hostname]).toEqual([undefined, 'a.example']);
});

test('a held-back endpoint stays what it is while its definition goes on having mistakes', () => {
  const set = made();
  set.setRows(rows(row('a', { dealership: 7, url: 'nonsense' })));
  set.setRows(rows({ kind: 'bad', id: 'a', message: 'the value is not JSON' }));
  expect([of(set, 'a')?.dealership, of(set, 'a')?.heldBack, set.unmatched]).toEqual(['7', true, []]);
});

test('an endpoint that is switched off in a definition with mistakes wants nothing, and keeps what waits', () => {
  const set = made();
  set.setRows(rows(row('a', { url: 'nonsense', enabled: false })));
  expect([of(set, 'a')?.enabled, of(set, 'a')?.heldBack]).toEqual([false, true]);
});

test.each([
  ['dealership', { dealership: 'three' }],
  ['version', { version: 'v9' }],
  ['filters', { filters: { websites: 'all' } }],
  ['supersede', { supersede: 'no' }],
  ['on', { on: 'never' }],
])(
  'an endpoint of which it is not known what it wants is named, matches nothing, and what waits for it is kept: %s',
  (_, wrong) => {
    const set = made();
    set.setRows(rows(row('a', wrong)));
    expect([set.unmatched, set.endpoints]).toMatchObject([['a'], [{ id: 'a', dealership: 'none', heldBack: true }]]);
    set.setRows(rows({ kind: 'bad', id: 'a', message: 'the value is not JSON' }));
    expect(set.unmatched).toEqual(['a']);
    set.setRows(rows(row('a')));
    expect([set.unmatched, of(set, 'a')?.dealership]).toEqual([[], '3']);
  },
);

test('the last good definition that the topic still holds is in effect where the last one has mistakes', () => {
  const set = made();
  const earlier = [row('a', { dealership: 1 }), row('a', { dealership: 2 }), row('a', { url: 'nonsense' })];
  set.setRows(rows(row('a', { dealership: 'three' })), new Map([['a', earlier]]));
  expect([of(set, 'a')?.dealership, of(set, 'a')?.heldBack, set.refused.length]).toEqual(['2', undefined, 1]);
  const before = of(set, 'a');
  set.setRows(rows(row('a', { dealership: 'four' })));
  expect([of(set, 'a') === before, set.unmatched]).toEqual([true, []]);
});

test('where no good definition is left, the last one that says what is wanted decides that', () => {
  const set = made();
  const earlier = [row('a', { dealership: 1, url: 'nonsense' }), row('a', { dealership: 2, url: 'nonsense' })];
  set.setRows(rows({ kind: 'bad', id: 'a', message: 'the value is not JSON' }), new Map([['a', earlier]]));
  expect([of(set, 'a')?.dealership, of(set, 'a')?.heldBack, set.unmatched]).toEqual(['2', true, []]);
});

test('a row whose id could name no endpoint is refused and stands for nothing', () => {
  const set = made();
  set.setRows(rows(row('Not An Id')));
  expect([set.endpoints, set.refused.map(({ id }) => id)]).toEqual([[], ['Not An Id']]);
});

test('an id in file and topic belongs to whoever had it first, and both are named', () => {
  const set = made();
  set.readAgain(file(entry('a')));
  set.setRows(rows(row('a', { on: 'create' }), row('b')));
  expect([of(set, 'a')?.on, set.refused]).toEqual([
    'change',
    [
      {
        origin: 'topic',
        id: 'a',
        why: 'defined-twice',
        problems: ['a is defined in the file e.yaml and in the topic endpoints; an id names one endpoint'],
      },
    ],
  ]);
  set.readAgain(file(entry('a'), entry('b', ', on: create')));
  expect(of(set, 'b')?.on).toBe('change');
  expect(set.refused.map(({ origin, id }) => [origin, id])).toEqual([
    ['file', 'b'],
    ['topic', 'a'],
  ]);
});

test('when one of two places gives an id up, the other one has it', () => {
  const set = made();
  set.readAgain(file(entry('a')));
  set.setRows(rows(row('a', { on: 'create' })));
  set.readAgain(file());
  expect([of(set, 'a')?.on, set.refused]).toEqual(['create', []]);
  set.readAgain(file(entry('a')));
  expect(of(set, 'a')?.on).toBe('create');
  set.setRows(rows());
  expect([of(set, 'a')?.on, set.refused]).toEqual(['change', []]);
});
