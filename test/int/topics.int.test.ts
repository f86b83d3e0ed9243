/** Planning and applying topics on a real broker. */
import { afterAll, expect, inject, test, vi } from 'vitest';
import { freePorts } from '../../src/dev/free-ports.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { ownTopics } from '../../src/kafka/own-topics.ts';
import { planTopics } from '../../src/kafka/topic-plan.ts';
import { Topics } from '../../src/kafka/topics.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { makeTopic, testKafka, uniqueName } from '../support/kafka-topics.ts';

const kafka = testKafka(inject('kafkaBrokers'));
const topics = new Topics({ kafka, clock: systemClock });
const admin = kafka.admin();

afterAll(async () => {
  await topics.close();
  await admin.disconnect();
});

async function setUp() {
  const prefix = uniqueName('own');
  const sources = [await makeTopic(kafka, 3, { 'cleanup.policy': 'compact' }), await makeTopic(kafka, 2)];
  const config = {
    topics: {
      rekeyState: `${prefix}.rekey-state`,
      clusterChanges: `${prefix}.cluster-changes`,
      joinState: `${prefix}.join-state`,
      outbound: `${prefix}.outbound`,
      deliveryState: `${prefix}.delivery-state`,
      endpointHealth: `${prefix}.endpoint-health`,
      redrives: `${prefix}.redrives`,
      meta: `${prefix}.meta`,
      deadLetters: `${prefix}.dead-letters`,
    },
    layout: { partitions: 2, outboundPartitions: 1, replicationFactor: 1 },
  };
  const wanted = { own: ownTopics(config), sources };
  const names = [...sources, ...wanted.own.map(({ name }) => name)];
  const plan = async () => planTopics(await topics.describe(names), wanted);
  return { config, plan, sources, describe: () => topics.describe(names) };
}

test('applying a plan makes everything right, and applying it again changes nothing', async () => {
  const { config, plan, sources, describe } = await setUp();
  const found = await plan();
  expect(found.map(({ kind }) => kind)).toEqual(['source-setting', ...Array.from({ length: 9 }, () => 'missing')]);
  expect(await topics.apply(found)).toHaveLength(9);
  expect((await plan()).map(({ topic, kind }) => [topic, kind])).toEqual([[sources[1], 'source-setting']]);
  const made = await describe();
  expect(made.get(config.topics.rekeyState)).toMatchObject({ partitions: 3, replicationFactor: 1 });
  expect(made.get(config.topics.clusterChanges)?.configs).toMatchObject({
    'cleanup.policy': 'compact',
    'min.compaction.lag.ms': '3600000',
    'min.insync.replicas': '1',
  });
  await topics.apply(found); // also when another process was faster
  expect(await plan()).toHaveLength(1);
});

test('a wrong setting is mended and the other settings of the topic stay', async () => {
  const { config, plan, describe } = await setUp();
  await topics.apply(await plan());
  const name = config.topics.outbound;
  const set = async (settings: Record<string, string>) => {
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries }];
    await admin.connect();
    await admin.alterConfigs({ validateOnly: false, resources });
  };
  await set({ 'cleanup.policy': 'compact', 'retention.ms': '-1', 'max.message.bytes': '2000000' });
  const found = await vi.waitFor(
    async () => {
      const findings = (await plan()).filter(({ topic }) => topic === name);
      expect(findings.map(({ fix }) => fix)).toEqual([{ kind: 'set', settings: { 'cleanup.policy': 'delete' } }]);
      return findings;
    },
    { timeout: 20_000, interval: 20 },
  );
  await topics.apply(found);
  expect((await describe()).get(name)?.configs).toMatchObject({
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'max.message.bytes': '2000000',
  });
});

test('what does not exist is null, and nothing is made by looking', async () => {
  const name = uniqueName('none');
  expect(await topics.describe([name])).toEqual(new Map([[name, null]]));
  expect(await topics.describe([name])).toEqual(new Map([[name, null]]));
  expect(await topics.describe([])).toEqual(new Map());
});

test('a bootstrap broker that is down does not keep a start from its neighbours', async () => {
  const topic = await makeTopic(kafka, 1);
  const [port] = await freePorts(1);
  for (const brokers of [
    [`127.0.0.1:${port}`, ...inject('kafkaBrokers')],
    [...inject('kafkaBrokers'), `127.0.0.1:${port}`],
  ]) {
    const asking = new Topics({ kafka: testKafka(brokers), clock: systemClock });
    expect((await asking.describe([topic])).get(topic)?.partitions).toBe(1);
    await asking.close();
  }
});
