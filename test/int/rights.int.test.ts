/**
 * Rights that are missing on a real broker. The broker allows what no rule speaks of, so each test makes rules for names of
 * its own. What is missing must be named at once; it must not look like a broker that is away.
 */
import { afterEach, expect, inject, test } from 'vitest';
import type { KafkaFailure } from '../../src/kafka/errors.ts';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { Membership } from '../../src/kafka/membership.ts';
import { Topics } from '../../src/kafka/topics.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { addRules } from '../support/acl-rules.ts';
import { Installation } from '../support/installation.ts';
import { makeTopic, testKafka, uniqueName } from '../support/kafka-topics.ts';

const brokers = inject('kafkaBrokers');
const kafka = testKafka(brokers);
const deps = { kafka, log: silentLog, clock: systemClock };
const never = new AbortController().signal;
const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** Until the test is over somebody else alone may use the resource; `seen`: everybody may describe it. */
async function reserve(resourceType: number, resourceName: string, seen: boolean): Promise<void> {
  const rule = {
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: seen ? 'User:*' : 'User:somebody-else',
    host: '*',
    operation: AclOperationTypes.DESCRIBE,
    permissionType: AclPermissionTypes.ALLOW,
  };
  const admin = kafka.admin();
  await admin.connect();
  await addRules(admin, [rule]);
  cleanUps.push(async () => {
    await admin.deleteAcls({ filters: [rule] });
    await admin.disconnect();
  });
}

function producer(transactionalId: string): TransactionalProducer {
  const made = new TransactionalProducer(deps, { transactionalId, transactionTimeoutMs: 30_000 });
  cleanUps.push(() => made.close());
  return made;
}

test.each([true, false])(
  'a transactional id that is not ours ends the fencing with its name (may be described: %s)',
  async (seen) => {
    const transactionalId = uniqueName('denied');
    await reserve(AclResourceTypes.TRANSACTIONAL_ID, transactionalId, seen);
    await expect(producer(transactionalId).fence(never)).rejects.toMatchObject({
      code: 'authorization',
      message: expect.stringContaining(`may not WRITE transactional id ${transactionalId}: grant`),
    });
  },
);

test('a topic that may not be written to ends the transaction with its name', async () => {
  const [topic, allowed] = [await makeTopic(kafka), await makeTopic(kafka)];
  await reserve(AclResourceTypes.TOPIC, topic, true);
  const open = producer(uniqueName('transaction'));
  await open.fence(never);
  const records = [allowed, topic].map((one) => ({ topic: one, partition: 0, key: 'k', value: 'v' }));
  await expect(open.send(records)).rejects.toMatchObject({
    code: 'authorization',
    message: expect.stringMatching(new RegExp(`^may not WRITE one of the topics .*${RegExp.escape(topic)}.*: grant`)),
  });
});

test('a topic that may not be read ends the reading with its name', async () => {
  const topic = await makeTopic(kafka);
  await reserve(AclResourceTypes.TOPIC, topic, true);
  const fetcher = new Fetcher(deps);
  cleanUps.push(() => fetcher.stop());
  const failed = Promise.withResolvers<KafkaFailure>();
  fetcher.subscribe({ topic, partition: 0, offset: 0 }, { deliver: () => undefined, fail: failed.resolve });
  expect(await failed.promise).toMatchObject({
    code: 'authorization',
    message: expect.stringContaining(`may not READ topic ${topic}: grant`),
  });
});

test.each([
  ['DESCRIBE_CONFIGS', true],
  ['DESCRIBE', false],
])('a topic without the right to %s is named when it is looked at', async (operation, seen) => {
  const topic = await makeTopic(kafka);
  await reserve(AclResourceTypes.TOPIC, topic, seen);
  const topics = new Topics(deps);
  cleanUps.push(() => topics.close());
  await expect(topics.describe([topic])).rejects.toMatchObject({
    code: 'authorization',
    message: expect.stringContaining(`may not ${operation} topic ${topic}: grant`),
  });
});

test.each([true, false])(
  'a group that is not ours ends the membership with its name (may be described: %s)',
  async (seen) => {
    const [groupId, topic] = [uniqueName('group'), await makeTopic(kafka)];
    await reserve(AclResourceTypes.GROUP, groupId, seen);
    const membership = new Membership(deps, { groupId, topics: [topic], instanceId: '', evictClientId: 'none' });
    cleanUps.push(() => membership.stop(10_000));
    const failed = Promise.withResolvers<KafkaFailure>();
    await membership.run({ onAssigned: () => undefined, onFailed: failed.resolve }).catch(failed.resolve);
    expect(await failed.promise).toMatchObject({
      code: 'authorization',
      message: expect.stringContaining(`may not READ group ${groupId}: grant`),
    });
  },
);

test.each([
  ['group', AclResourceTypes.GROUP, 'join', 'READ'],
  ['transactional id', AclResourceTypes.TRANSACTIONAL_ID, 'join.0', 'WRITE'],
])('a program without its %s ends by itself, and its last error names it', async (what, type, name, operation) => {
  await using installation = new Installation({ brokers, registryUrl: null });
  await installation.install();
  const resource = installation.topic(name); // all names of an installation begin with the same
  await reserve(type, resource, false);
  const { code, err } = await installation.run('run');
  expect(code).toBe(1);
  const errors = err.split('\n').filter((line) => line.startsWith('{"level":"error"'));
  expect(errors.at(-1)).toContain(`may not ${operation} ${what} ${resource}: grant`);
});
