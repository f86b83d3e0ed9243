/**
 * The program on a Kafka that allows nothing by itself, with exactly the rights that the chart grants (read out of its golden renders): by
 * SCRAM over TLS and by mutual TLS a change becomes a POST; each right that is taken away is named before anything starts; and what is
 * not granted is refused. Broker, registry, receiver and programs are real. Where it says so the program runs in this process, for time.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type Received, Receiver } from '../../src/dev/receiver.ts';
import { createTopics } from '../../src/dev/topics.ts';
import type { Kafka } from '../../src/kafka/client.ts';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import { Membership } from '../../src/kafka/membership.ts';
import { PlainProducer } from '../../src/kafka/plain-producer.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { StartRefused } from '../../src/lib/start-refused.ts';
import { addRules, removeRules } from '../support/acl-rules.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { type GrantedRight, ruleFor } from '../support/chart-users.ts';
import type { Ran, Running } from '../support/installation.ts';
import type { Access } from '../support/secured-kafka.ts';
import {
  BY_CERTIFICATE,
  BY_PASSWORD,
  ENDPOINTS_TOPIC,
  robbed,
  SecuredWorld,
  userOf,
} from '../support/secured-world.ts';
import { authority } from '../support/self-signed.ts';
import { sourceLead } from '../support/source-rows.ts';

const WAIT_MS = 80_000;
const STAGES = ['rekey', 'join', 'deliver'];
const LACKING = robbed([...STAGES, 'setup', 'operator']);
const lackingOf = (...components: string[]) =>
  LACKING.filter(({ user }) => components.includes(user.component)).map((one) => [spelt(one.without), one] as const);

const OK = { status: 204 };
const ALLOW = { http: true, addresses: ['127.0.0.1/32'] };
const receiver = new Receiver();
const source = new SourceDatabase();
let world: SecuredWorld;
let url: string;
let applied: Ran;
let registered: Ran;

beforeAll(async () => {
  url = await receiver.listen();
  const crm = { id: 'crm', dealership: 3, url: `${url}/crm`, version: 'v3', allow: ALLOW };
  const endpoints = JSON.stringify({ endpoints: [crm] }); // which is YAML too
  world = await SecuredWorld.start({ registryUrl: inject('registryUrl'), endpoints, robbed: LACKING });
  applied = await world.run(password('setup'), 'topics', 'apply');
  registered = await world.run(password('setup'), 'schemas', 'register');
});
beforeEach(() => {
  receiver.answer = () => OK;
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await receiver.close();
});

const password = (component: string): Access => world.kafka.byPassword(userOf(BY_PASSWORD, component).name);
/** The chart's example by certificate has no topic of endpoints. */
const certificate = (component: string): Access => ({
  ...world.kafka.byCertificate(userOf(BY_CERTIFICATE, component).name),
  LEAD_WEBHOOKS_ENDPOINTS_TOPIC: '',
  LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES: '',
});

/** `READ group lead-webhooks.join`. */
function spelt({ resource, name, operation }: GrantedRight): string {
  return `${operation} ${resource} ${name}`;
}

/** The three stages as whole programs, each with a user of its own; killed at the end if they were not stopped. */
class Programs implements AsyncDisposable {
  readonly #running: readonly Running[];

  constructor(access: (component: string) => Access) {
    this.#running = STAGES.map((stage) => world.installation.start(stage, access(stage)));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#running.map((program, index) => program.tasksRunning(STAGES[index] ?? '', 1)));
  }

  /** The exit codes. */
  stop(): Promise<number[]> {
    return Promise.all(this.#running.map((program) => program.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#running) program.kill('SIGKILL');
    await Promise.all(this.#running.map(({ ended }) => ended));
  }
}

/** The receiver has accepted a POST about the lead with these words. */
function got(leadId: number, words: string, path = '/crm'): Promise<void> {
  const fits = (one: Received): boolean =>
    one.path === path && one.leadId === String(leadId) && one.body.includes(words);
  const signal = AbortSignal.timeout(WAIT_MS);
  return receiver.until(() => receiver.received.some((one) => fits(one) && one.status === 204), signal);
}

describe('with the rights of the chart', () => {
  test('the setup user makes the topics and registers the schemas', async () => {
    expect([applied.code, registered.code, applied.err + registered.err]).toEqual([0, 0, '']);
    expect(applied.out.match(/^created: lead-webhooks\./gm)).toHaveLength(9);
    expect((await world.run(certificate('setup'), 'topics', 'plan')).out).toBe('topics: good\n');
  });

  test('a change becomes a POST by SCRAM over TLS, and all that goes wrong on the way is written down', async () => {
    const { installation } = world;
    const definition = JSON.stringify({ dealership: 3, url: `${url}/topic`, version: 'v2', allow: ALLOW });
    await installation.append([{ topic: ENDPOINTS_TOPIC, partition: 0, key: 'by-topic', value: definition }]);
    await using programs = new Programs(password);
    await programs.ready();
    await installation.pipe([source.insert('lead', sourceLead({ id: 1, comments: 'for the read-back' }))]);
    await got(1, 'for the read-back');
    await got(1, 'for the read-back', '/topic');
    // A value that the source left out: rekey reads its own row in cluster-changes.
    const partial = sourceLead({ id: 1, comments: '__debezium_unavailable_value', category: 'Changed' });
    await installation.pipe([source.update('lead', partial)]);
    await got(1, 'Changed');
    expect(receiver.lastAccepted('/crm').get('1')?.body).toContain('for the read-back');
    // A record that rekey cannot use, and a lead that the receiver makes wait and then refuses.
    await installation.pipe([{ table: 'lead', id: 9, value: 'no JSON' }]);
    receiver.answer = ({ path, attempt }) => {
      if (path === '/topic') return OK;
      return attempt === 1 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 422 };
    };
    await installation.pipe([source.insert('lead', sourceLead({ id: 2 }))]);
    await installation.until('lead-webhooks.dead-letters', (letters) => letters.length === 2);
    await installation.until('lead-webhooks.endpoint-health', (words) => words.length > 0);
    receiver.answer = () => OK;

    const redrive = 'dead-letters redrive --endpoint crm --wait 60'.split(' ');
    const redriven = await world.run(password('operator'), ...redrive);
    expect([redriven.err, redriven.out]).toEqual(['', '1 asked for, 0 not\n1 delivered\n']);
    for (const args of ['endpoints pause crm', 'endpoints resume crm', 'lag', 'deliveries list', 'dead-letters list']) {
      expect([args, (await world.command(password('operator'), ...args.split(' '))).code]).toEqual([args, 0]);
    }
    expect(await programs.stop()).toEqual([0, 0, 0]);
  });

  test('a change becomes a POST by mutual TLS', async () => {
    await using programs = new Programs(certificate);
    await programs.ready();
    await world.installation.pipe([source.insert('lead', sourceLead({ id: 3, comments: 'by certificate' }))]);
    await got(3, 'by certificate');
    expect(await programs.stop()).toEqual([0, 0, 0]);
  });
});

/** Kafka cannot tell what else is allowed on a topic that may not even be seen, so the line may name more than is missing. */
function naming({ operation, resource, name, prefix }: GrantedRight): RegExp {
  const end = prefix ? '[\\w.]+' : '';
  return new RegExp(`may not [A-Z_, ]*\\b${operation}\\b[A-Z_, ]* ${resource} ${RegExp.escape(name)}${end}: grant it`);
}

/** Robbed users run in this process: certificates are made for any name, and the table is long. */
describe('a right that is missing is named', () => {
  test.each(lackingOf(...STAGES))('to a stage that starts without %s', async (_, { user, without, name }) => {
    // The facts are written once; without them rekey has to write them.
    if (without.name === 'lead-webhooks.meta' && without.resource !== 'topic') {
      await world.deleteTopic('lead-webhooks.meta');
      await world.run({}, 'topics', 'apply');
    }
    const access = world.kafka.byCertificate(name);
    await expect(world.stages(access, user.component, AbortSignal.timeout(WAIT_MS))).rejects.toThrow(naming(without));
  });

  test.each(lackingOf('setup'))('to `topics apply` without %s', async (_, { without, name }) => {
    if (without.operation === 'CREATE') await world.deleteTopic(without.name);
    // Who may set settings may see them, so it is the seeing that is missed first.
    const operation = without.operation === 'ALTER_CONFIGS' ? 'DESCRIBE_CONFIGS' : without.operation;
    const applying = world.command(world.kafka.byCertificate(name), 'topics', 'apply');
    await expect(applying).rejects.toThrow(naming({ ...without, operation }));
    if (without.operation === 'CREATE') await world.command(password('setup'), 'topics', 'apply');
  });

  test.each(lackingOf('operator'))('to the commands of operators without %s', async (_, { without, name }) => {
    const words: Readonly<Record<string, string>> = {
      'READ topic lead-webhooks.endpoint-health': 'endpoints resume crm',
      'WRITE topic lead-webhooks.endpoint-health': 'endpoints resume crm',
      'WRITE topic lead-webhooks.redrives': 'dead-letters redrive --all',
      'READ topic lead-webhooks.dead-letters': 'dead-letters list',
    };
    const args = (words[spelt(without)] ?? 'lag').split(' ');
    await expect(world.command(world.kafka.byCertificate(name), ...args)).rejects.toThrow(naming(without));
  });

  test('to `topics apply` when a setting is wrong and may be seen but not set', async () => {
    const name = 'only-looks';
    const topic = 'lead-webhooks.outbound';
    const rights = userOf(BY_PASSWORD, 'setup').rights.map((right) =>
      right.operation === 'ALTER_CONFIGS' ? { ...right, operation: 'DESCRIBE_CONFIGS' } : right,
    );
    await addRules(
      world.admin,
      rights.map((right) => ruleFor(`User:CN=${name}`, right)),
    );
    const set = (value: string) =>
      world.admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: topic, configEntries: [{ name: 'cleanup.policy', value }] }],
      });
    await set('compact');
    const applying = world.command(world.kafka.byCertificate(name), 'topics', 'apply');
    await expect(applying).rejects.toThrow(`may not ALTER_CONFIGS topic ${topic}: grant it`);
    await world.command(password('setup'), 'topics', 'apply');
  });

  test('by a whole program in one line that says all that is missing, with exit code 1', async () => {
    const ran = await world.run(certificate('rekey'), 'run', '--stages', 'join');
    expect(ran.code).toBe(1);
    const errors = ran.err.split('\n').filter((line) => line.startsWith('{"level":"error"'));
    expect(errors.map((line) => JSON.parse(line).msg)).toEqual([
      'may not READ, WRITE, DESCRIBE_CONFIGS topic lead-webhooks.join-state; ' +
        'may not WRITE, DESCRIBE_CONFIGS topic lead-webhooks.outbound: grant it to the user of this process',
    ]);
  });

  test('when it is taken from a stage that runs', async () => {
    const rules = userOf(BY_PASSWORD, 'rekey').rights.map((right) => ruleFor('User:CN=to-be-robbed', right));
    const read = ruleFor('User:CN=to-be-robbed', { ...firstRight('rekey'), operation: 'READ' });
    await addRules(world.admin, rules);
    const running = world.stages(world.kafka.byCertificate('to-be-robbed'), 'rekey', AbortSignal.timeout(WAIT_MS));
    const ended = expect(running).rejects.toThrow(new RegExp(`may not READ .*${firstRight('rekey').name}`));
    await world.installation.pipe([source.insert('lead', sourceLead({ id: 4 }))]);
    await world.installation.until('lead-webhooks.cluster-changes', (rows) =>
      rows.some(({ key }) => key?.toString().endsWith('|4') === true),
    );
    await removeRules(world.admin, [read]);
    await ended;
  });
});

/** What somebody tries who is not meant to; each as the real client does it. */
const ATTEMPTS = {
  async read(kafka: Kafka, topic: string): Promise<void> {
    const fetcher = new Fetcher({ kafka, log: silentLog, clock });
    const range = { topic, partition: 0, from: 0, to: 1, committed: true, signal: AbortSignal.timeout(WAIT_MS) };
    await fetcher.read(range, () => undefined).finally(() => fetcher.stop());
  },
  async write(kafka: Kafka, topic: string): Promise<void> {
    const producer = new PlainProducer(kafka);
    await producer.send([{ topic, partition: 0, key: 'k', value: 'v' }]).finally(() => producer.close());
  },
  async fence(kafka: Kafka, transactionalId: string): Promise<void> {
    const options = { transactionalId, transactionTimeoutMs: 10_000 };
    const producer = new TransactionalProducer({ kafka, log: silentLog, clock }, options);
    await producer.fence(AbortSignal.timeout(WAIT_MS)).finally(() => producer.close());
  },
  async join(kafka: Kafka, groupId: string): Promise<void> {
    const options = { groupId, topics: ['lead-webhooks.outbound'], instanceId: '', evictClientId: null };
    const membership = new Membership({ kafka, log: silentLog, clock }, options);
    const failed = Promise.withResolvers<never>();
    const running = membership.run({ onAssigned: () => undefined, onFailed: failed.reject });
    await Promise.race([running.then(() => failed.promise), failed.promise]).finally(() => membership.stop(WAIT_MS));
  },
  async create(kafka: Kafka, topic: string): Promise<void> {
    await createTopics({ kafka, clock }, [topic], { partitions: 1, settings: {} });
  },
} as const;

describe('what the chart does not grant is refused', () => {
  test.each([
    ['rekey', 'read', 'lead-webhooks.outbound'],
    ['rekey', 'read', 'lead-webhooks.delivery-state'],
    ['rekey', 'write', 'dealerstudio.public.leads'],
    ['rekey', 'fence', 'lead-webhooks.join.0'],
    ['rekey', 'create', 'lead-webhooks.more'],
    ['join', 'read', 'dealerstudio.public.leads'],
    ['join', 'write', 'lead-webhooks.cluster-changes'],
    ['join', 'fence', 'lead-webhooks.meta'],
    ['deliver', 'write', 'lead-webhooks.outbound'],
    ['deliver', 'write', 'lead-webhooks.redrives'],
    ['deliver', 'read', 'lead-webhooks.dead-letters'],
    ['deliver', 'fence', 'lead-webhooks.rekey.0'],
    ['deliver', 'join', 'lead-webhooks.join'],
    ['setup', 'read', 'lead-webhooks.outbound'],
    ['setup', 'write', 'lead-webhooks.meta'],
    ['setup', 'create', 'lead-webhooks.more'],
    ['operator', 'write', 'lead-webhooks.outbound'],
    ['operator', 'write', 'lead-webhooks.dead-letters'],
    ['operator', 'fence', 'lead-webhooks.deliver.0'],
    ['operator', 'join', 'lead-webhooks.deliver'],
  ] as const)('%s may not %s %s', async (component, attempt, name) => {
    const kafka = world.client(userOf(BY_CERTIFICATE, component).name);
    await expect(ATTEMPTS[attempt](kafka, name)).rejects.toMatchObject({ code: 'authorization' });
  });
});

describe('a login that does not fit names the settings to look at', () => {
  test.each<[string, () => Access, string]>([
    [
      'a wrong password',
      () => ({ ...password('join'), KAFKA_SASL_PASSWORD: 'x' }),
      'refuse this login, look at KAFKA_SASL_*',
    ],
    ['a user that is not known', () => world.kafka.byPassword('nobody'), 'refuse this login, look at KAFKA_SASL_*'],
    [
      'no client certificate',
      () => ({ ...certificate('join'), KAFKA_SSL_CERT: '', KAFKA_SSL_KEY: '' }),
      'refuse this login',
    ],
    [
      'a client certificate of another authority',
      () => {
        const { cert, key } = authority().issue('lead-webhooks-join');
        return { ...certificate('join'), KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key };
      },
      'refuse this login',
    ],
    ['brokers of another authority', () => ({ ...password('join'), KAFKA_SSL_CA: authority().cert }), 'KAFKA_SSL_CA'],
    [
      'brokers of another name',
      () => ({ ...password('join'), KAFKA_BROKERS: localhost() }),
      'the names in KAFKA_BROKERS',
    ],
    [
      'TLS without a login',
      () => ({ ...password('join'), KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' }),
      'hang up',
    ],
    ['no TLS where TLS is wanted', () => ({ KAFKA_BROKERS: world.kafka.mtls }), 'hang up'],
  ])('%s', async (_, access, words) => {
    const listing = world.command(access(), 'dead-letters', 'list');
    await expect(listing).rejects.toThrow(words);
    await expect(listing).rejects.toThrow(StartRefused);
  });
});

/** The certificate of the broker is for 127.0.0.1 alone. */
const localhost = (): string => world.kafka.scram.replace('127.0.0.1', 'localhost');

const firstRight = (component: string): GrantedRight => {
  const [right] = userOf(BY_PASSWORD, component).rights;
  if (right === undefined) throw new Error('a user without rights');
  return right;
};
