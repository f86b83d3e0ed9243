/**
 * Logins to Kafka with tokens, on a broker of their own with Kafka's own validator. Sessions last eight seconds there and are renewed after
 * four. The provider of the tokens is the test's. Amazon's side of IAM is not tried anywhere; its tokens travel the same way.
 */
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { command as topicsCommand } from '../../src/bin/commands/topics.ts';
import { TokenFailure } from '../../src/kafka/bearer-login.ts';
import { createKafka, type Kafka } from '../../src/kafka/client.ts';
import { classify, type KafkaFailure } from '../../src/kafka/errors.ts';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import { Membership } from '../../src/kafka/membership.ts';
import { endpointTokens } from '../../src/kafka/token-endpoint.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';
import { runCommand } from '../support/command-context.ts';
import { makeTopic, openProducer, uniqueName, withProducer } from '../support/kafka-topics.ts';
import { AUDIENCE, type OAuthKafka, SESSION_MS, startOAuthKafka } from '../support/oauth-kafka.ts';
import { scratchFolder } from '../support/scratch.ts';

let kafka: OAuthKafka;
beforeAll(async () => {
  kafka = await startOAuthKafka();
});
afterAll(() => kafka?.[Symbol.asyncDispose]());
beforeEach(() => {
  Object.assign(kafka.provider, { status: 200, subject: 'lead-webhooks', honest: true, lifetimeSeconds: 3600 });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A client that logs in with the provider's tokens, the subjects that it logged in as, and how often there was no token. */
function client() {
  const logins: string[] = [];
  let denied = 0;
  const token = async (): Promise<string> => {
    if (kafka.provider.status !== 200) {
      denied += 1;
      throw new TokenFailure('unavailable', 'there is no token');
    }
    logins.push(kafka.provider.subject);
    return kafka.provider.token();
  };
  const sasl = { mechanism: 'oauthbearer', token } as const;
  const made: Kafka = createKafka({ brokers: [kafka.oauth], clientId: 'test', sasl }, silentLog);
  return { kafka: made, logins, denied: () => denied };
}

/** A member of a group and a reader of a topic's only partition; what happens to them can be waited for. */
async function atWork(of: Kafka, topic: string) {
  const deps = { kafka: of, log: silentLog, clock: systemClock };
  const failures: KafkaFailure[] = [];
  const failed = (failure: KafkaFailure): void => {
    failures.push(failure);
    next.reject(failure);
    beat.reject(failure);
  };
  let next = Promise.withResolvers<number>();
  let beat = Promise.withResolvers<void>();
  let joins = 0;
  let read = 0;
  const membership = new Membership(deps, {
    groupId: uniqueName('group'),
    topics: [topic],
    instanceId: '',
    evictClientId: null,
  });
  const fetcher = new Fetcher(deps);
  await membership.run({
    onAssigned: () => {
      joins += 1;
    },
    onHeartbeat: () => beat.resolve(),
    onFailed: failed,
  });
  fetcher.subscribe(
    { topic, partition: 0, offset: 0 },
    {
      deliver: ({ records }) => {
        read += records.length;
        if (records.length > 0) next.resolve(read);
      },
      fail: failed,
    },
  );
  return {
    failures,
    joins: () => joins,
    async records(count: number): Promise<void> {
      while (read < count) {
        next = Promise.withResolvers();
        await next.promise;
      }
    },
    async heartbeat(): Promise<void> {
      beat = Promise.withResolvers();
      await beat.promise;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([membership.stop(10_000), fetcher.stop()]);
    },
  };
}

test('transactions, reading and membership renew their sessions, on the connections that they have', async () => {
  const connect = vi.spyOn(Socket.prototype, 'connect');
  const { kafka: own, logins } = client();
  const topic = await makeTopic(own);
  await using work = await atWork(own, topic);
  const producer = await openProducer(own);
  const start = systemClock.now();
  let sent = 0;
  let early = { logins: 0, connections: 0 };
  while (systemClock.now() < start + 1.3 * SESSION_MS || sent < 3) {
    await work.heartbeat();
    await producer.send([{ topic, partition: 0, key: 'k', value: 'v' }]);
    await producer.commit();
    sent += 1;
    await work.records(sent);
    if (sent === 1) early = { logins: logins.length, connections: connect.mock.calls.length };
  }
  expect(work.failures).toEqual([]);
  expect(work.joins()).toBe(1);
  expect(connect).toHaveBeenCalledTimes(early.connections);
  expect(logins.length).toBeGreaterThan(early.logins);
  await producer.close();
});

test('a session that is renewed under another name costs its connection and nothing else', async () => {
  const { kafka: own, logins } = client();
  const topic = await makeTopic(own);
  await using work = await atWork(own, topic);
  await work.heartbeat();
  kafka.provider.subject = 'somebody-else';
  const before = logins.length;
  // Each heartbeat may be the one that renews, and so may each poll.
  while (logins.length < before + 6) await work.heartbeat();
  await withProducer(own, (producer) => producer.send({ topic, messages: [{ key: 'k', value: 'v' }] }));
  await work.records(1);
  await work.heartbeat();
  expect(work.failures).toEqual([]);
  expect(new Set(logins.slice(before))).toEqual(new Set(['somebody-else']));
});

test('while there is no token work waits, and it goes on when there is one', async () => {
  kafka.provider.lifetimeSeconds = 4;
  const { kafka: own, denied } = client();
  const topic = await makeTopic(own);
  await using work = await atWork(own, topic);
  await work.heartbeat();
  kafka.provider.status = 503;
  // The renewal that fails costs the connection; after it each try to connect fails.
  await vi.waitFor(() => expect(denied()).toBeGreaterThan(8), { timeout: 60_000 });
  kafka.provider.status = 200;
  await withProducer(own, (producer) => producer.send({ topic, messages: [{ key: 'k', value: 'v' }] }));
  await work.records(1);
  await work.heartbeat();
  expect(work.failures).toEqual([]);
});

test('a token that the broker refuses ends reading with that word', async () => {
  kafka.provider.honest = false;
  const { kafka: own } = client();
  const failed = Promise.withResolvers<KafkaFailure>();
  const fetcher = new Fetcher({ kafka: own, log: silentLog, clock: systemClock });
  fetcher.subscribe({ topic: 'x', partition: 0, offset: 0 }, { deliver: () => undefined, fail: failed.resolve });
  expect(await failed.promise).toMatchObject({
    code: 'authentication',
    message: 'the broker refuses the token (invalid_token)',
  });
  await fetcher.stop();
});

test('a token endpoint that is away is named also when the client has given up', async () => {
  const secret = { clientId: 'us', clientSecret: new Secret('s'), scope: null, credentials: 'header' } as const;
  const token = endpointTokens(systemClock, { url: 'http://127.0.0.1:1/token', ca: null, ...secret });
  const sasl = { mechanism: 'oauthbearer', token } as const;
  const admin = createKafka({ brokers: [kafka.oauth], clientId: 'x', sasl }, silentLog).admin({
    retry: { retries: 1 },
  });
  const failure = classify(await admin.connect().catch((error: unknown) => error));
  await admin.disconnect();
  expect(failure).toMatchObject({
    code: 'unavailable',
    retriable: true,
    message: 'the token endpoint 127.0.0.1:1 cannot be reached (ECONNREFUSED)',
  });
});

/** Runs `topics plan`, as an operator would to try a login. */
function plan(login: Readonly<Record<string, string>>) {
  const env = { KAFKA_BROKERS: kafka.oauth, KAFKA_SASL_MECHANISM: 'oauthbearer', ...login };
  return runCommand(topicsCommand, ['plan'], { env });
}

const endpoint = () => ({
  KAFKA_SASL_OAUTH_TOKEN_URL: kafka.provider.tokenUrl,
  KAFKA_SASL_OAUTH_CLIENT_ID: 'us',
  KAFKA_SASL_OAUTH_CLIENT_SECRET: 's3cret',
});

test('a command logs in with client credentials, by one token', async () => {
  kafka.provider.asked.length = 0;
  const parameters = { KAFKA_SASL_OAUTH_SCOPE: 'kafka', KAFKA_SASL_OAUTH_PARAMETERS: `audience=${AUDIENCE}` };
  expect((await plan({ ...endpoint(), ...parameters })).out).toContain('lead-webhooks.outbound');
  expect(kafka.provider.asked).toEqual([{ grant_type: 'client_credentials', scope: 'kafka', audience: AUDIENCE }]);
});

test('a command logs in with the token of a file', async () => {
  await using scratch = await scratchFolder();
  const path = join(scratch.folder, 'token');
  await writeFile(path, kafka.provider.token());
  expect((await plan({ KAFKA_SASL_TOKEN_FILE: path })).out).toContain('lead-webhooks.outbound');
});

test('a command that gets no token, or a bad one, says whose fault it is and nothing secret', async () => {
  kafka.provider.status = 401;
  await expect(plan(endpoint())).rejects.toMatchObject({
    name: 'StartRefused',
    message: `there is no token for Kafka, look at KAFKA_SASL_*: the token endpoint ${kafka.provider.host} answered with status 401 (invalid_client)`,
  });
  Object.assign(kafka.provider, { status: 200, honest: false });
  await expect(plan(endpoint())).rejects.toMatchObject({
    name: 'StartRefused',
    message: expect.stringMatching(/KAFKA_SASL_\* .*: the broker refuses the token \(invalid_token\)$/),
  });
});
