/**
 * `endpoints pause` and `endpoints resume`: the operator's word about an endpoint, in the topic that every deliver process reads and obeys.
 * It is merged with what the topic says already, so that what compaction leaves of the endpoint is whole.
 */
import { HEALTHY, mergeHealth, operatorWord } from '../core/endpoint-health.ts';
import { decodeHealth, encodeHealth } from '../kafka/internal-codec.ts';
import { readAll } from '../kafka/partition-log.ts';
import { PlainProducer } from '../kafka/plain-producer.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { type Context, loadConfig, UsageError } from './command.ts';
import { definedEndpoints, unknownEndpoint } from './endpoint-trial.ts';
import { reading } from './reading.ts';

/**
 * @param paused true = pause, false = resume.
 * @throws UsageError when the id stands in no definition that can be seen from here.
 */
export async function sayWord(context: Context, id: string, paused: boolean): Promise<number> {
  const config = loadConfig(context);
  const endpoints = definedEndpoints(context, config);
  const isKnown = endpoints?.some((endpoint) => endpoint.id === id) === true;
  // An endpoint of the topic is not looked up: its definition may be refused, and be paused for that reason.
  if (!isKnown && config.deliver.endpointsTopic === null) throw new UsageError(unknownEndpoint(id, endpoints ?? []));
  const topic = config.topics.endpointHealth;
  await reading(config, 'endpoints', { reads: [topic], writes: [topic] }, async ({ kafka, fetcher, signal }) => {
    let health = HEALTHY;
    await readAll(fetcher, { topic, partition: 0, signal }, ({ key, value }) => {
      if (key?.toString() === id) health = value === null ? HEALTHY : mergeHealth(health, decodeHealth(value));
    });
    const value = encodeHealth(mergeHealth(health, operatorWord(paused, clock.now())));
    const producer = new PlainProducer(kafka);
    try {
      await producer.send([{ topic, partition: 0, key: id, value }]);
    } finally {
      await producer.close();
    }
  });
  context.out(`${id}: ${paused ? 'paused, until it is resumed' : 'resumed'}`);
  return 0;
}
