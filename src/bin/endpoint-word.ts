/**
 * `endpoints pause` and `endpoints resume`: the operator's word about an endpoint, in the topic that every deliver process reads and obeys.
 * It is merged with what the topic says already, so that what compaction leaves of the endpoint is whole.
 */
import { type EndpointHealth, HEALTHY, mergeHealth, operatorWord } from '../core/endpoint-health.ts';
import type { Endpoint } from '../delivery/endpoint.ts';
import { encodeHealth } from '../kafka/internal-codec.ts';
import { PlainProducer } from '../kafka/plain-producer.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { ConfigInvalid, type Context, loadConfig, UsageError } from './command.ts';
import { definitionsInFile, unknownEndpoint } from './endpoint-definitions.ts';
import { holdOf, holdText, readHealth } from './endpoint-holds.ts';
import { reading } from './reading.ts';

/**
 * @param paused true = pause, false = resume.
 * @throws UsageError when the id stands in no definition that can be seen from here, ConfigInvalid when mistakes may hide it.
 */
export async function sayWord(context: Context, id: string, paused: boolean): Promise<number> {
  const config = loadConfig(context);
  const file = definitionsInFile(context, config);
  const endpoint = file?.endpoints.find((one) => one.id === id);
  const isKnown = endpoint !== undefined || file?.refused.has(id) === true;
  // An endpoint of the topic is not looked up: its definition may be refused, and be paused for that reason.
  if (!isKnown && config.deliver.endpointsTopic === null) {
    if (file && file.problems.length > 0) throw new ConfigInvalid(file.problems);
    throw new UsageError(unknownEndpoint(id, file?.endpoints ?? []));
  }
  const topic = config.topics.endpointHealth;
  const said = await reading(config, 'endpoints', { reads: [topic], writes: [topic] }, async (from) => {
    const known = (await readHealth(from, topic)).get(id) ?? HEALTHY;
    const health = mergeHealth(known, operatorWord(paused, afterAll(known, clock.now())));
    const producer = new PlainProducer(from.kafka);
    try {
      await producer.send([{ topic, partition: 0, key: id, value: encodeHealth(health) }]);
    } finally {
      await producer.close();
    }
    return health;
  });
  context.out(`${id}: ${paused ? 'paused, until it is resumed' : `resumed${held(said, endpoint)}`}`);
  return 0;
}

/** A time that counts as later than all that is known, which other clocks may have dated ahead of ours: the word said last is to count. */
function afterAll(health: EndpointHealth, now: number): number {
  const { operator, gone, breaker, unauthorized, provenAt, openedAt } = health;
  const known = [operator?.at, gone?.at, breaker?.since, unauthorized?.since, provenAt, openedAt];
  return Math.max(now, ...known.map((at) => (at ?? 0) + 1));
}

/** What still holds an endpoint that was resumed. */
function held(health: EndpointHealth, endpoint: Endpoint | undefined): string {
  const now = clock.now();
  const hold = holdOf(health, endpoint, now);
  return hold === null ? '' : `, and still held: ${holdText(hold, now)}`;
}
