/** Definitions as commands read them, held against what a run has in effect; those of the topic are read from a real Kafka elsewhere. */
import { expect, test } from 'vitest';
import { ConfigInvalid } from '../../src/bin/command.ts';
import { definitionsInFile, topicRules, unknownEndpoint } from '../../src/bin/endpoint-definitions.ts';
import { EndpointFeed } from '../../src/bin/endpoint-feed.ts';
import { definitionDigest } from '../../src/delivery/definition.ts';
import { parseConfig } from '../../src/ops/config.ts';

const entry = (id: string, more = ''): string =>
  `  - { id: ${id}, dealership: 3, url: "https://${id}.example/", version: v3${more} }\n`;

function around(text: string, more: Readonly<Record<string, string>> = {}) {
  const env = { KAFKA_BROKERS: '127.0.0.1:1', LEAD_WEBHOOKS_ENDPOINTS_FILE: 'e.yaml', ...more };
  const readFile = (path: string): string => {
    if (path !== 'e.yaml') throw new Error('not there');
    return text;
  };
  const parsed = parseConfig(env, readFile);
  if (!('config' in parsed)) throw new Error(parsed.problems.join());
  return { context: { env, readFile }, config: parsed.config };
}

test.each(['10000', '20000', '60000'])(
  'a definition that a command reads is the very one that a run has, whatever the session timeout: %s',
  (session) => {
    const text = `endpoints:\n${entry('a')}${entry('b', ', limits: { timeoutMs: 7000 }')}`;
    const { context, config } = around(text, { LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: session });
    const read = definitionsInFile(context, config);
    const run = new EndpointFeed(context, config).current;
    expect(read?.endpoints.map(definitionDigest)).toEqual(run.map(definitionDigest));
    expect(read?.problems).toEqual([]);
  },
);

test('a mistake in one definition hides no other one, and is told with its line', () => {
  const { context, config } = around(`endpoints:\n${entry('a')}${entry('b', ', on: never')}`);
  const read = definitionsInFile(context, config);
  expect([read?.endpoints.map(({ id }) => id), [...(read?.refused ?? [])]]).toEqual([['a'], ['b']]);
  expect(read?.problems).toEqual(['e.yaml:3: endpoints[1].on must be one of change, create']);
});

test('no file is no definitions, and a file that cannot be read is said so', () => {
  const none = around('', { LEAD_WEBHOOKS_ENDPOINTS_FILE: '', LEAD_WEBHOOKS_ENDPOINTS_TOPIC: 'endpoints' });
  expect(definitionsInFile(none.context, none.config)).toBe(null);
  const other = around('', { LEAD_WEBHOOKS_ENDPOINTS_FILE: 'other.yaml' });
  expect(() => definitionsInFile(other.context, other.config)).toThrow(ConfigInvalid);
});

test('a definition of the topic is bounded like one of the file, and by what its writer may do', () => {
  const { context, config } = around('', {
    LEAD_WEBHOOKS_ENDPOINTS_TOPIC: 'endpoints',
    LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES: '10.0.0.0/8',
    LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: '10000',
  });
  expect(topicRules(context, config)).toMatchObject({ timeoutMsMax: 7000, allowedRanges: ['10.0.0.0/8'] });
  expect(topicRules(context, config).secrets.env('KAFKA_BROKERS')).toMatchObject({ problem: expect.any(String) });
});

test('an id that is not defined is told with the one that comes close', () => {
  const { context, config } = around(`endpoints:\n${entry('orange-crm')}`);
  const endpoints = definitionsInFile(context, config)?.endpoints ?? [];
  expect(unknownEndpoint('orange-crn', endpoints)).toContain('did you mean "orange-crm"?');
  expect(unknownEndpoint('x', [])).toBe('no endpoint "x" is defined');
});
