/**
 * What the scenarios of bench/delivery.ts share: an installation whose receiver is a process of its own, a writer of outbound records that
 * knows the newest revision of each lead, and words for figures.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { partitionOf } from '../src/core/partition.ts';
import { createKafka } from '../src/kafka/client.ts';
import type { OutgoingRecord } from '../src/kafka/record.ts';
import { TransactionalProducer } from '../src/kafka/transactions.ts';
import { systemClock as clock, pause } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { seededRandom } from '../src/lib/random.ts';
import { Installation } from '../test/support/installation.ts';
import type { Behaviour, ForkedReceiver, Report } from './delivery-receiver.ts';

export const PARTITIONS = 12;
const SAMPLE = readFileSync(new URL('../schemas/outbound/sample.v3.json', import.meta.url), 'utf8').trim();
export const CALM: Behaviour = { latencyMs: 20, failOneIn: 0, hung: [], drip: [], outage: false, retryAfterSeconds: 0 };
export const random = seededRandom(20_260_401);

export interface Bench {
  readonly brokers: readonly string[];
  readonly receiver: ForkedReceiver;
  readonly url: string;
  /** A number of the command line, by its place after the scenario's name, or what is taken otherwise. */
  readonly given: (place: number, otherwise: number) => number;
}

/** The documented sample with other letters in each of its texts, which makes it as hard to pack as a payload can be. */
function body(lead: number, at: number): string {
  const letter = (): string => String.fromCharCode(97 + Math.floor(random() * 26));
  const text = SAMPLE.replace(/:"[^"]*"/g, (value) => value.replace(/[a-z]/gi, letter));
  return `{"id":${lead},"at":${at},${text.slice(text.indexOf(',') + 1)}`;
}

/** The definition of an endpoint at `<url>/<id>`; `more` begins with a comma. */
export const endpoint = (url: string, id: string, more = '', dealership = 3): string =>
  `{ id: ${id}, dealership: ${dealership}, url: "${url}/${id}", version: v3, allow: { http: true, addresses: ["127.0.0.1/32"] }${more} }`;

/** A new installation with these endpoints and a receiver that is calm and has forgotten what came. */
export async function installed(bench: Bench, endpoints: readonly string[], env: Record<string, string> = {}) {
  const installation = new Installation({
    brokers: bench.brokers,
    registryUrl: null,
    partitions: PARTITIONS,
    endpoints: `endpoints: [${endpoints.join(', ')}]\n`,
    env: { LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: '10000', ...env },
  });
  await installation.install();
  await bench.receiver.reset();
  await bench.receiver.behave(CALM);
  return installation;
}

/** Writes outbound records exactly once, as the join does, and remembers the newest revision of each lead. */
export class Writer implements AsyncDisposable {
  readonly newest = new Map<number, number>();
  readonly #topic: string;
  readonly #producer: TransactionalProducer;

  constructor(installation: Installation, producer: TransactionalProducer) {
    this.#topic = installation.topic('outbound');
    this.#producer = producer;
  }

  static async to(installation: Installation, { brokers }: Bench): Promise<Writer> {
    const kafka = createKafka({ brokers, clientId: 'bench' }, log);
    const options = { transactionalId: `${installation.appId}.writer`, transactionTimeoutMs: 30_000 };
    const producer = new TransactionalProducer({ kafka, log, clock }, options);
    await producer.fence(new AbortController().signal);
    return new Writer(installation, producer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close();
  }

  /** Writes the next revision of each lead, for one dealership or for the one that a function names. */
  async write(leads: readonly number[], dealershipOf: (lead: number) => number = () => 3): Promise<void> {
    const records = leads.map((lead): OutgoingRecord => {
      const revision = (this.newest.get(lead) ?? 0) + 1;
      this.newest.set(lead, revision);
      const headers = {
        version: 'v3',
        revision: String(revision),
        cause: 'changed',
        'dealership-id': String(dealershipOf(lead)),
      };
      return {
        topic: this.#topic,
        partition: partitionOf(String(lead), PARTITIONS),
        key: String(lead),
        value: body(lead, clock.now()),
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])),
      };
    });
    await this.#producer.send(records);
    await this.#producer.commit();
  }

  /** Pairs of `path` whose newest revision was not accepted. */
  missing(path: string, { highest }: Report): number {
    const accepted = new Map(highest);
    return [...this.newest].filter(([lead, revision]) => accepted.get(`${path} ${lead}`) !== revision).length;
  }
}

/** Writes for one dealership, a lead at a time, so many a second; `leadOf` names each by its number from 0. */
export async function writeSteadily(
  writer: Writer,
  { perSecond, seconds, dealership }: { perSecond: number; seconds: number; dealership: number },
  leadOf: (place: number) => number,
): Promise<void> {
  const startedAt = clock.monotonic();
  for (let sent = 0; sent < perSecond * seconds; sent++) {
    await pause(clock, Math.max(0, startedAt + (sent * 1000) / perSecond - clock.monotonic()));
    await writer.write([leadOf(sent)], () => dealership);
  }
}

/** Looks until it holds. */
export async function until(holds: () => Promise<boolean>, everyMs = 500): Promise<void> {
  while (!(await holds())) await pause(clock, everyMs);
}

/** The value below which `part` (0 to 1) of them lie; NaN for none. */
export function percentile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
}

/** A line for the person at the terminal. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Missing and nothing new for so long: it is lost. */
const LOST_AFTER_MS = 60_000;

/** Waits until the newest revision of each lead was accepted, or nothing more is. @returns how many leads are missing. */
export async function arrival({ receiver }: Bench, writer: Writer, path: string): Promise<number> {
  let known = { accepted: -1, at: clock.monotonic() };
  for (;;) {
    const report = await receiver.report();
    const missing = writer.missing(path, report);
    if (report.accepted !== known.accepted) known = { accepted: report.accepted, at: clock.monotonic() };
    if (missing === 0 || clock.monotonic() - known.at > LOST_AFTER_MS) return missing;
    await pause(clock, 500);
  }
}

/** Says what should be 0 and is not; then the bench ends with 1. */
export function broken(faults: Readonly<Record<string, number>>): void {
  const found = Object.entries(faults).filter(([, count]) => count !== 0);
  if (found.length === 0) return;
  process.exitCode = 1;
  say(`  BROKEN: ${found.map(([what, count]) => `${what} ${count}`).join(', ')}`);
}

/** What a receiver would complain about, since `before`. */
export function since(report: Report, before?: Report): Pick<Report, 'olderAfterNewer' | 'overlapping' | 'duplicates'> {
  return {
    olderAfterNewer: report.olderAfterNewer - (before?.olderAfterNewer ?? 0),
    overlapping: report.overlapping - (before?.overlapping ?? 0),
    duplicates: report.duplicates - (before?.duplicates ?? 0),
  };
}

/** The same in words. */
export function ledger(report: Report, before?: Report): string {
  const { olderAfterNewer, overlapping, duplicates } = since(report, before);
  return `older after newer ${olderAfterNewer}, overlapping ${overlapping}, duplicates ${duplicates}`;
}
