import { describe, expect, it } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { unfixed } from '../../support/unfixed-client.ts';

interface Cluster {
  findGroupCoordinator(lookup: { groupId: string; coordinatorType?: number }): Promise<unknown>;
}

const { createErrorFromCode } = internal('protocol/error') as { createErrorFromCode(code: number): Error };
const GROUP_REFUSED = 30;
const TRANSACTIONAL_ID_REFUSED = 53;
const REQUEST_TIMED_OUT = 7;

/** The client's Cluster with its real pool; every broker answers a look-up with the next of these errors, at last with itself. */
function cluster(Class: { prototype: Cluster }, answers: Error[]): Cluster {
  const broker = {
    isConnected: () => true,
    findGroupCoordinator: async () => {
      const failure = answers.shift();
      if (failure !== undefined) throw failure;
      return { coordinator: { nodeId: 1 } };
    },
  };
  const { prototype } = internal('cluster/brokerPool') as { prototype: { withBroker: unknown } };
  const brokerPool = {
    brokers: { 1: broker, 2: broker },
    findBroker: async () => broker,
    withBroker: prototype.withBroker,
  };
  return Object.assign(Object.create(Class.prototype), {
    retrier: (work: (bail: (error: Error) => never) => unknown) =>
      work((error) => {
        throw error;
      }),
    logger: { debug() {} },
    brokerPool,
    findBroker: async () => broker,
  });
}

const fixed = internal('cluster') as { prototype: Cluster };
const lookup = { groupId: 'lead-webhooks.join.0', coordinatorType: 1 };
const errors = (...codes: number[]): Error[] => codes.map(createErrorFromCode);

describe('a look-up of a coordinator that is refused for want of a right', () => {
  it('unfixed, looks as if there were no coordinator', async () => {
    const refusing = cluster(unfixed('cluster'), errors(TRANSACTIONAL_ID_REFUSED, TRANSACTIONAL_ID_REFUSED));
    await expect(refusing.findGroupCoordinator(lookup)).rejects.toMatchObject({
      name: 'KafkaJSGroupCoordinatorNotFound',
    });
  });

  it.each([
    ['GROUP_AUTHORIZATION_FAILED', GROUP_REFUSED],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', TRANSACTIONAL_ID_REFUSED],
  ])('fixed, says %s', async (type, code) => {
    await expect(cluster(fixed, errors(code, code)).findGroupCoordinator(lookup)).rejects.toMatchObject({ type });
    const lastAway = cluster(fixed, errors(code, REQUEST_TIMED_OUT));
    await expect(lastAway.findGroupCoordinator(lookup)).rejects.toMatchObject({ type });
  });
});

describe('a look-up that is not refused', () => {
  it('ends as before when no broker answers, and asks the next one when one does not', async () => {
    const away = cluster(fixed, errors(REQUEST_TIMED_OUT, REQUEST_TIMED_OUT));
    await expect(away.findGroupCoordinator(lookup)).rejects.toMatchObject({ name: 'KafkaJSGroupCoordinatorNotFound' });
    await expect(cluster(fixed, errors(REQUEST_TIMED_OUT)).findGroupCoordinator(lookup)).resolves.toBeDefined();
  });
});
