/**
 * The chart's own render of a small installation, as containers of the built image: the setup Job, two pods of each stage, and the pod of
 * `helm test`. Kafka, the registry and the receiver are real. While changes come and POSTs are under way, pods are stopped by SIGTERM, one
 * after the other as in a rolling update, and in the end all of them at once; new ones take their places.
 *
 * Not here: a scheduler, Services, network policies. The pods share the host's network.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { TABLES } from '../../src/core/source-event.ts';
import { type Received, Receiver } from '../../src/dev/receiver.ts';
import { Installation } from '../support/installation.ts';
import { RandomHistory } from '../support/random-history.ts';
import { settled } from '../support/settled.ts';
import { run } from './engine.ts';
import { Pods, type RunningPod, type Stopped } from './pod.ts';
import { podsOf, type RenderedPod } from './rendered-pods.ts';

const SEED = 20_261_125;
const PATH = '/leads';
const PARTITIONS = 4;
const PART = 600;
const SCALE = { leads: 500, clusters: 220, appointments: 400, testDrives: 250 };
const QUICK_MS = 20;
/** Long enough that a request is still open when SIGTERM arrives, also on a busy machine; far below any grace period. */
const SLOW_MS = 4_000;
const DEADLINE_MS = 120_000;

async function rendered(installation: Installation, url: string): Promise<RenderedPod[]> {
  const { KAFKA_BROKERS = '', SCHEMA_REGISTRY_URL = '' } = installation.env;
  const values = {
    appId: installation.appId,
    kafka: { brokers: KAFKA_BROKERS.split(',') },
    registry: { url: SCHEMA_REGISTRY_URL },
    sources: {
      leads: installation.source('lead'),
      appointments: installation.source('appointment'),
      testDrives: installation.source('test_drive'),
    },
    topics: { partitions: PARTITIONS, outboundPartitions: PARTITIONS, replicationFactor: 1 },
    settings: { LEAD_WEBHOOKS_ANNOUNCE_SINCE: 'beginning' },
    endpoints: {
      list: [
        {
          id: 'crm',
          dealership: 3,
          url: `${url}${PATH}`,
          version: 'v3',
          allow: { http: true, addresses: ['127.0.0.1/32'] },
        },
      ],
    },
  };
  const folder = mkdtempSync(join(tmpdir(), 'lead-webhooks-values-'));
  try {
    const file = join(folder, 'values.json');
    writeFileSync(file, JSON.stringify(values));
    const { code, out, err } = await run('helm', ['template', 'leads', 'helm/lead-webhooks', '--values', file]);
    if (code !== 0) throw new Error(`helm template ended with ${code}: ${err}`);
    return podsOf(out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The pods of the stages by their names, as a cluster keeps them: those of a Deployment have a new name in each life. */
class Stages {
  readonly #pods: Pods;
  readonly #stages: readonly RenderedPod[];
  readonly #running = new Map<string, RunningPod>();
  #lives = 0;

  constructor(pods: Pods, stages: readonly RenderedPod[]) {
    this.#pods = pods;
    this.#stages = stages;
  }

  get places(): string[] {
    return this.#stages.flatMap(({ name, replicas }) =>
      Array.from({ length: replicas }, (_, index) => `${name}-${index}`),
    );
  }

  at(place: string): RunningPod {
    const pod = this.#running.get(place);
    if (pod === undefined) throw new Error(`no pod runs in the place ${place}`);
    return pod;
  }

  async start(place: string): Promise<void> {
    const stage = this.#stages.find(({ name }) => place.startsWith(`${name}-`));
    if (stage === undefined) throw new Error(`there is no stage for ${place}`);
    this.#lives += 1;
    const name = stage.kind === 'StatefulSet' ? place : `${place}-${this.#lives}`;
    this.#running.set(place, await this.#pods.start(stage, name));
  }

  async allReady(): Promise<void> {
    await Promise.all(Array.from(this.#running.values(), (pod) => pod.ready()));
  }
}

const isOpen = ({ status }: Received): boolean => status === 0;

/** Resolves when requests wait for their answers and will for seconds. */
async function workIsUnderWay(receiver: Receiver): Promise<void> {
  const before = receiver.received.length;
  receiver.answer = () => ({ status: 204, delayMs: SLOW_MS });
  await expect
    .poll(() => receiver.received.slice(before).filter(isOpen).length, { timeout: DEADLINE_MS })
    .toBeGreaterThan(0);
}

/** A body without its `updated_at`, which alone announces nothing. */
function told(body: string | undefined): string | undefined {
  return body?.replace(/"updated_at":("[^"]*"|null)/, '"updated_at":');
}

test('the rendered chart runs as containers without rights, and pods that are stopped by SIGTERM in the midst of their work end in time, lose nothing, repeat nothing and send nothing old after new', async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: inject('registryUrl'),
    partitions: PARTITIONS,
  });
  await installation.createTopics(TABLES.map((table) => installation.source(table)));
  const all = await rendered(installation, url);
  await using pods = new Pods({ image: inject('image'), run: inject('imageRun'), prefix: installation.appId });
  const toTheEnd = async (kind: RenderedPod['kind']): Promise<void> => {
    for (const { name, first, containers } of all.filter((pod) => pod.kind === kind)) {
      for (const container of [...first, ...containers])
        expect(await pods.runToEnd(container(name))).toMatchObject({ code: 0 });
    }
  };

  await toTheEnd('Job');
  const stages = new Stages(
    pods,
    all.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet'),
  );
  expect(stages.places).toHaveLength(6);
  await Promise.all(stages.places.map((place) => stages.start(place)));
  await stages.allReady();
  await toTheEnd('Pod');
  for (const place of stages.places) {
    expect(await stages.at(place).firstProcess()).toMatchObject({
      Name: expect.stringMatching(/^(node|MainThread)$/),
      Uid: '65532\t65532\t65532\t65532',
      Gid: '65532\t65532\t65532\t65532',
      CapEff: '0000000000000000',
      CapBnd: '0000000000000000',
      NoNewPrivs: '1',
      Seccomp: '2',
    });
    expect(await stages.at(place).writing('/app', '/tmp', '/nodejs')).toEqual(['EROFS', 'EROFS', 'EROFS']);
  }

  const history = new RandomHistory(SEED, SCALE);
  let underWay = 0;
  const stops: (Stopped & { readonly graceMs: number })[] = [];
  const stop = async (place: string): Promise<void> => {
    const pod = stages.at(place);
    if (receiver.received.some(isOpen)) underWay++;
    stops.push({ ...(await pod.stop()), graceMs: pod.graceMs });
    receiver.answer = () => ({ status: 204, delayMs: QUICK_MS });
  };
  receiver.answer = () => ({ status: 204, delayMs: QUICK_MS });
  await installation.pipe(history.next(PART));
  for (const place of stages.places) {
    await installation.pipe(history.next(PART));
    await workIsUnderWay(receiver);
    await stop(place);
    await stages.start(place);
    await stages.at(place).ready();
  }
  await installation.pipe(history.next(PART));
  await workIsUnderWay(receiver);
  await Promise.all(stages.places.map(stop));
  await installation.pipe(history.next(PART));
  await Promise.all(stages.places.map((place) => stages.start(place)));
  await settled(installation, DEADLINE_MS);

  const expected = history.bodies('v3');
  const missing = (): string[] => {
    const accepted = receiver.lastAccepted(PATH);
    return Array.from(expected).flatMap(([id, body]) => (told(accepted.get(id)?.body) === told(body) ? [] : [id]));
  };
  await expect.poll(missing, { timeout: DEADLINE_MS, interval: 500 }).toEqual([]);
  await Promise.all(stages.places.map(stop));

  expect(expected.size).toBeGreaterThan(100);
  expect(stops).toHaveLength(18);
  for (const { code, tookMs, graceMs, written } of stops) {
    expect({ code, written }).toEqual({ code: 0, written: [] });
    expect(tookMs).toBeLessThan(graceMs);
  }
  expect(receiver.ledger).toEqual({ olderAfterNewer: 0, overlapping: 0, duplicates: 0 });
  expect(await installation.committed(installation.topic('dead-letters'))).toEqual([]);
  const slowestMs = Math.round(Math.max(...stops.map(({ tookMs }) => tookMs)));
  process.stdout.write(
    `pods: ${stops.length} stopped by SIGTERM, ${underWay} of these orders with POSTs under way, the slowest took ${slowestMs} ms; ${receiver.received.length} POSTs, ${expected.size} leads, none missing\n`,
  );
});
