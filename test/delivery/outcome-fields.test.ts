import { expect, test } from 'vitest';
import { LineCounter, parseDocument } from 'yaml';
import type { OutcomeKey, OutcomeKind } from '../../src/core/attempt.ts';
import { readOutcomes } from '../../src/delivery/outcome-fields.ts';
import { Fields, type YamlSource } from '../../src/delivery/yaml-fields.ts';

function read(yaml: string): { outcomes: ReadonlyMap<OutcomeKey, OutcomeKind>; messages: string[] } {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines });
  const source: YamlSource = { document, lines, mistakes: [] };
  const fields = Fields.open(source, { node: document.contents, path: '', line: 1 });
  if (!fields) throw new Error('the text is a mapping');
  const outcomes = readOutcomes(fields);
  return { outcomes, messages: source.mistakes.map(({ path, message }) => `${path} ${message}`) };
}

test.each(['200', '302', '404', '599', '2xx', '3xx', '4xx', '5xx'])('an answer %s may mean anything', (key) => {
  for (const outcome of ['delivered', 'retry', 'refused', 'unauthorized', 'gone'] as const) {
    const name = key.endsWith('xx') ? key : Number(key);
    expect(read(`outcomes: { ${key}: ${outcome} }`)).toEqual({ outcomes: new Map([[name, outcome]]), messages: [] });
  }
});

const ARRIVED = 'only an answer can say that a payload has arrived';
const GONE = 'only an answer can say that the endpoint is gone, and all that waits for it would become dead letters';
const PAUSED = 'it is the breaker that pauses an endpoint which does not answer';

test.each([
  ['timeout', ['retry', 'refused'], { delivered: ARRIVED, gone: GONE, unauthorized: PAUSED }],
  ['dns', ['retry', 'refused'], { delivered: ARRIVED, gone: GONE, unauthorized: PAUSED }],
  ['network', ['retry', 'refused'], { delivered: ARRIVED, gone: GONE, unauthorized: PAUSED }],
  ['tls', ['retry', 'refused', 'unauthorized'], { delivered: ARRIVED, gone: GONE }],
  ['address', ['retry', 'refused', 'unauthorized'], { delivered: ARRIVED, gone: GONE }],
  ['oauth', ['retry', 'refused', 'unauthorized'], { delivered: ARRIVED, gone: GONE }],
])('%s may mean %j, and the rest is refused with the reason', (key, allowed, refused) => {
  for (const outcome of allowed) {
    expect(read(`outcomes: { ${key}: ${outcome} }`)).toEqual({ outcomes: new Map([[key, outcome]]), messages: [] });
  }
  for (const [outcome, why] of Object.entries(refused)) {
    const { outcomes, messages } = read(`outcomes: { ${key}: ${outcome} }`);
    expect(messages).toEqual([`outcomes.${key} must be one of ${allowed.join(', ')}: ${why}`]);
    expect(outcomes.size).toBe(0);
  }
});

test.each(['1xx', '6xx', '4XX', '40x', '99', '600', 'http', 'withheld', 'answer'])('%s names nothing', (key) => {
  const { outcomes, messages } = read(`outcomes: { ${key}: retry }`);
  expect(messages).toEqual([
    `outcomes.${key} must be an HTTP status from 200 to 599, or one of 2xx, 3xx, 4xx, 5xx, timeout, dns, network, tls, address, oauth`,
  ]);
  expect(outcomes.size).toBe(0);
});

test('what is left out changes nothing', () => {
  expect(read('{}')).toEqual({ outcomes: new Map(), messages: [] });
});
