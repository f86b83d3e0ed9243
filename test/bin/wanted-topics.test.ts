/** Which topics which stages need. */
import { expect, test } from 'vitest';
import { wantedNames, wantedTopics } from '../../src/bin/wanted-topics.ts';
import { type Config, parseConfig } from '../../src/ops/config.ts';

function config(): Config {
  const parsed = parseConfig({ KAFKA_BROKERS: 'a:1', LEAD_WEBHOOKS_APP_ID: 'x' }, () => '');
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

test('all stages together need the sources and every own topic', () => {
  const names = wantedNames(wantedTopics(config(), ['rekey', 'join', 'deliver']));
  expect(names).toHaveLength(12);
  expect(names).toEqual(expect.arrayContaining(['dealerstudio.public.leads', 'x.meta', 'x.dead-letters']));
});

test('only rekey needs the sources', () => {
  expect(wantedTopics(config(), ['join', 'deliver']).sources).toEqual([]);
  expect(wantedTopics(config(), ['rekey']).sources).toHaveLength(3);
});

test('deliver needs the outbound topic and what it keeps, and nothing of rekey', () => {
  const names = wantedNames(wantedTopics(config(), ['deliver']));
  expect(names).toEqual(expect.arrayContaining(['x.outbound', 'x.delivery-state', 'x.dead-letters']));
  expect(names).not.toEqual(expect.arrayContaining(['x.rekey-state']));
});
