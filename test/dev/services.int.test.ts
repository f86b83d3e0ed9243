/** What every integration test rests on: the run's Kafka and registry. */
import { expect, inject, it } from 'vitest';
import { answersApiVersions } from '../../src/dev/local-kafka.ts';

it('the Kafka of this run answers a client', async () => {
  const brokers = inject('kafkaBrokers');
  expect(brokers.length).toBeGreaterThan(0);
  const port = Number(brokers[0]?.split(':').at(-1));
  expect(await answersApiVersions(port)).toBe(true);
});

it('the registry of this run registers a schema and gives it back by id', async () => {
  const url = inject('registryUrl');
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const body = JSON.stringify({ schema: '"string"' });
  const registered = await fetch(`${url}/subjects/services-int-value/versions`, { method: 'POST', headers, body });
  const { id } = (await registered.json()) as { id: number };
  const found = await fetch(`${url}/schemas/ids/${id}`);
  expect(await found.json()).toMatchObject({ schema: '"string"' });
});
