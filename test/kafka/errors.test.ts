import { describe, expect, it } from 'vitest';
import { type Asked, classify, KafkaFailure, type KafkaFailureCode } from '../../src/kafka/errors.ts';
import { internal } from '../../src/kafka/fixes/internals.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';

const { createErrorFromCode } = internal('protocol/error') as { createErrorFromCode(code: number): Error };

const grant = ': grant it to the user of this process';

/** What the client throws when its retries are used up. */
function exhausted(cause: Error): Error {
  return new kafkajs.KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 5, retryTime: 100 });
}

describe('classify', () => {
  it.each<[number, KafkaFailureCode, boolean]>([
    [47, 'fenced', false],
    [90, 'fenced', false],
    [48, 'producer-lost', true],
    [45, 'producer-lost', true],
    [49, 'producer-lost', true],
    [59, 'producer-lost', true],
    [120, 'producer-lost', true],
    [1, 'offset-out-of-range', false],
    [10, 'too-large', false],
    [18, 'too-large', false],
    [3, 'topic-missing', false],
    [17, 'topic-missing', false],
    [29, 'authorization', false],
    [53, 'authorization', false],
    [58, 'authentication', false],
    [35, 'unsupported', false],
    [50, 'unsupported', false],
    [5, 'unavailable', true],
    [7, 'unavailable', true],
    [14, 'unavailable', true],
    [16, 'unavailable', true],
    [19, 'unavailable', true],
    [51, 'unavailable', true],
    [89, 'unavailable', true],
    [27, 'rebalance', true],
    [9999, 'unknown', false],
  ])('gives protocol error %i the code %s', (number, code, retriable) => {
    for (const error of [createErrorFromCode(number), exhausted(createErrorFromCode(number))]) {
      expect(classify(error)).toMatchObject({ code, retriable });
    }
  });

  it.each<[string, KafkaFailureCode]>([
    ['KafkaJSConnectionError', 'unavailable'],
    ['KafkaJSConnectionClosedError', 'unavailable'],
    ['KafkaJSRequestTimeoutError', 'unavailable'],
    ['KafkaJSGroupCoordinatorNotFound', 'unavailable'],
    ['KafkaJSLockTimeout', 'unavailable'],
    ['KafkaJSSASLAuthenticationError', 'authentication'],
    ['KafkaJSServerDoesNotSupportApiKey', 'unsupported'],
    ['KafkaJSNotImplemented', 'unsupported'],
  ])('knows the client’s own %s by its name', (name, code) => {
    const Class = (internal('errors') as Record<string, new (message: string) => Error>)[name];
    const error = Class === undefined ? null : new Class('x');
    expect(error?.name).toBe(name);
    expect(classify(error).code).toBe(code);
  });

  it('tells a wrong certificate from a broken network', () => {
    const of = (code: string): string =>
      classify(Object.assign(new Error('x'), { name: 'KafkaJSConnectionError', code })).code;
    expect(of('ECONNREFUSED')).toBe('unavailable');
    expect(of('ENOTFOUND')).toBe('unavailable');
    expect(of('DEPTH_ZERO_SELF_SIGNED_CERT')).toBe('authentication');
    expect(of('ERR_TLS_CERT_ALTNAME_INVALID')).toBe('authentication');
  });

  it('returns a KafkaFailure as it is, also one inside another error', () => {
    const failure = new KafkaFailure('incomplete-send', 'm');
    expect(classify(failure)).toBe(failure);
    expect(classify(new Error('outer', { cause: failure }))).toBe(failure);
  });

  it('never repeats the text of the error, which may quote a record', () => {
    const failure = classify(new Error('Invalid message {"email":"jane@example.com"}'));
    expect(failure.code).toBe('unknown');
    expect(failure.message).not.toContain('jane');
    expect(failure.cause).toBeUndefined();
  });

  it('names what is not allowed, and which operation, out of what was asked for', () => {
    const asked = { operation: 'WRITE', topics: ['b', 'a', 'b'], group: 'app.join', transactionalId: 'app.join.0' };
    const of = (code: number, about: Asked = asked): string =>
      classify(exhausted(createErrorFromCode(code)), about).message;
    expect(of(53)).toBe(`may not WRITE transactional id app.join.0${grant} (TRANSACTIONAL_ID_AUTHORIZATION_FAILED)`);
    expect(of(30)).toBe(`may not READ group app.join${grant} (GROUP_AUTHORIZATION_FAILED)`);
    expect(of(29)).toBe(`may not WRITE one of the topics a, b${grant} (TOPIC_AUTHORIZATION_FAILED)`);
    expect(of(55)).toBe(`may not WRITE one of the topics a, b${grant} (OPERATION_NOT_ATTEMPTED)`);
    expect(of(29, { operation: 'READ', topics: ['a'] })).toBe(
      `may not READ topic a${grant} (TOPIC_AUTHORIZATION_FAILED)`,
    );
    expect(of(31, { operation: 'CREATE' })).toBe(`may not CREATE the cluster${grant} (CLUSTER_AUTHORIZATION_FAILED)`);
    expect(of(44, { operation: 'CREATE', topics: ['a'] })).toBe(
      'a policy of the cluster forbids to CREATE topic a (POLICY_VIOLATION)',
    );
  });

  it('finds the topic that is refused among those of one request', () => {
    const { KafkaJSAggregateError, KafkaJSCreateTopicError } = internal('errors') as Record<
      string,
      new (
        ...parameters: unknown[]
      ) => Error
    >;
    const exists = KafkaJSCreateTopicError && new KafkaJSCreateTopicError(createErrorFromCode(36), 'a');
    const refused = KafkaJSCreateTopicError && new KafkaJSCreateTopicError(createErrorFromCode(29), 'b');
    const all = KafkaJSAggregateError && new KafkaJSAggregateError('x', [exists, refused, null]);
    const failure = classify(all, {
      operation: 'CREATE',
      topics: ['a', 'b'],
    });
    expect([failure.code, failure.message]).toEqual([
      'authorization',
      `may not CREATE topic b${grant} (TOPIC_AUTHORIZATION_FAILED)`,
    ]);
  });

  it('takes anything that can be thrown', () => {
    for (const thrown of ['text', null, undefined, 7, {}]) expect(classify(thrown).code).toBe('unknown');
    const loop: { cause?: unknown } = {};
    loop.cause = loop;
    expect(classify(loop).code).toBe('unknown');
  });
});
