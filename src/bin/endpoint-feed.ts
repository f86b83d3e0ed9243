/**
 * Where the deliver stage gets its endpoints from: the file, the topic, and the files of their secrets, all of them read again when
 * they change. Composition only: what is in effect is decided by delivery/endpoint-set.ts. What is wrong refuses the start when it
 * stands in the file, since the operator who starts can mend it; in the topic, and later on, it is told by log and metric.
 */
import type { EndpointRow } from '../core/endpoint-row.ts';
import type { Endpoint } from '../delivery/endpoint.ts';
import { EndpointSet, type FileRead, type Refused } from '../delivery/endpoint-set.ts';
import type { ParseOptions } from '../delivery/endpoints.ts';
import type { SecretSource } from '../delivery/secret-reference.ts';
import { createKafka } from '../kafka/client.ts';
import { type EndpointTopicReader, keep } from '../kafka/endpoint-topic.ts';
import { Fetcher } from '../kafka/fetcher.ts';
import { Topics } from '../kafka/topics.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { StartRefused } from '../lib/start-refused.ts';
import type { Config } from '../ops/config.ts';
import { FileWatch } from '../ops/file-watch.ts';
import { lineOf } from '../ops/lifecycle.ts';
import { ConfigInvalid, type Context } from './command.ts';
import { kafkaOptions, withSettings } from './connections.ts';
import { endpointTopicOf, fileRules, fileSettings, topicRules } from './endpoint-definitions.ts';

/** The endpoints of a deliver stage. */
export interface EndpointSource {
  /** What is in effect now; the same object for a definition that did not change. */
  readonly current: readonly Endpoint[];
  /** Called after `current` has changed. */
  onChange: () => void;
  /**
   * Reads what is still to be read, and follows every change from then on.
   * @throws StartRefused when this cannot begin; `signal`'s reason when it aborts.
   */
  follow(deps: { readonly log: Log; readonly meter: Meter }, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Endpoints that never change. */
export function fixedEndpoints(endpoints: readonly Endpoint[]): EndpointSource {
  return { current: endpoints, onChange() {}, async follow() {}, async close() {} };
}

/** How often files are looked at, ms. Kubernetes itself takes up to a minute to bring a changed secret to a pod. */
const LOOK_EVERY_MS = 2000;

type Reporting = { readonly log: Log; readonly meter: Meter };

export class EndpointFeed implements EndpointSource {
  onChange = (): void => undefined;
  readonly #context: Pick<Context, 'readFile'>;
  readonly #config: Config;
  readonly #set: EndpointSet;
  /** Files that hold secrets, as far as definitions have named them. */
  readonly #secretFiles = new Set<string>();
  readonly #rows = new Map<string, EndpointRow>();
  readonly #earlier = new Map<string, readonly EndpointRow[]>();
  #current: readonly Endpoint[] = [];
  #refused = new Set<string>();
  #close: (() => Promise<void>)[] = [];

  /**
   * Reads the file, if there is one.
   * @throws ConfigInvalid with every mistake in it, or when neither file nor topic is configured.
   */
  constructor(context: Pick<Context, 'env' | 'readFile'>, config: Config) {
    this.#context = context;
    this.#config = config;
    const { endpointsFile, endpointsTopic } = config.deliver;
    if (endpointsFile === null && endpointsTopic === null) {
      const either = 'one of them is required for the stage deliver';
      throw new ConfigInvalid([`LEAD_WEBHOOKS_ENDPOINTS_FILE, LEAD_WEBHOOKS_ENDPOINTS_TOPIC: ${either}`]);
    }
    const remember = (secrets: SecretSource): SecretSource => {
      const file = (path: string): ReturnType<SecretSource['file']> => {
        this.#secretFiles.add(path);
        return secrets.file(path);
      };
      return { ...secrets, file };
    };
    const remembering = (rules: ParseOptions): ParseOptions => ({ ...rules, secrets: remember(rules.secrets) });
    this.#set = new EndpointSet({
      fileName: endpointsFile ?? '',
      topicName: endpointsTopic ?? '',
      file: remembering(fileRules(context, fileSettings(config))),
      topic: remembering(topicRules(context, config)),
    });
    const file = this.#readFile();
    if (file !== null && 'problem' in file) {
      throw new ConfigInvalid([`LEAD_WEBHOOKS_ENDPOINTS_FILE: ${file.problem}: ${endpointsFile}`]);
    }
    this.#set.readAgain(file);
    const problems = this.#set.refused.flatMap((refused) => refused.problems);
    if (problems.length > 0) throw new ConfigInvalid(problems);
    this.#current = this.#set.endpoints;
  }

  get current(): readonly Endpoint[] {
    return this.#current;
  }

  async follow(deps: Reporting, signal: AbortSignal): Promise<void> {
    await this.#followTopic(deps, signal);
    const twice = this.#set.refused.filter(({ why }) => why === 'defined-twice').flatMap(({ problems }) => problems);
    if (twice.length > 0) throw new StartRefused(twice.join('; '));
    const { unmatched } = this.#set;
    // A process before may have known a good definition, and what comes for it must not be passed over.
    if (unmatched.length > 0) throw new StartRefused(this.#unmatchedInWords(unmatched));
    this.#report(deps);
    const watch = new FileWatch(
      { clock },
      { everyMs: LOOK_EVERY_MS, paths: () => this.#files(), onChange: () => this.#readAgain(deps) },
    );
    this.#close.push(async () => watch.stop());
  }

  async close(): Promise<void> {
    await Promise.all(this.#close.splice(0).map((close) => close()));
  }

  #readFile(): FileRead {
    const { endpointsFile } = this.#config.deliver;
    if (endpointsFile === null) return null;
    try {
      return { text: this.#context.readFile(endpointsFile) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      return { problem: `cannot be read (${code})` };
    }
  }

  async #followTopic(deps: Reporting, signal: AbortSignal): Promise<void> {
    const { endpointsTopic: topic } = this.#config.deliver;
    if (topic === null) return;
    const kafka = createKafka(kafkaOptions(this.#config, 'endpoints'), deps.log);
    await lookAt(topic, new Topics({ kafka, clock }), deps.log);
    const fetcher = new Fetcher({ kafka, log: deps.log, clock });
    const reader = endpointTopicOf(this.#config, topic, { fetcher, ...deps });
    this.#close.push(async () => {
      reader.close();
      await fetcher.stop();
    });
    const whole: EndpointTopicReader['whole'] = (rows, earlier) => {
      this.#rows.clear();
      this.#earlier.clear();
      for (const [id, row] of rows) this.#rows.set(id, row);
      for (const [id, before] of earlier) this.#earlier.set(id, before);
      this.#set.setRows(this.#rows, this.#earlier);
      this.#changed(deps);
    };
    const more = (rows: readonly EndpointRow[]): void => {
      for (const row of rows) this.#takeRow(row, deps);
      this.#set.setRows(this.#rows, this.#earlier);
      this.#changed(deps);
    };
    await reader.start({ whole, more }, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      const shown = withSettings(error);
      throw shown instanceof StartRefused ? shown : new StartRefused(`LEAD_WEBHOOKS_ENDPOINTS_TOPIC: ${lineOf(shown)}`);
    });
  }

  #takeRow(row: EndpointRow, { log }: Reporting): void {
    if (row.kind === 'bad' && row.id === null) {
      log.error({ event: 'endpoint_refused', origin: 'topic' }, `a record of the endpoints topic: ${row.message}`);
    }
    // From now on what is in effect is known, and it is no older.
    if (row.kind !== 'ignored' && row.id !== null) this.#earlier.delete(row.id);
    if (row.kind === 'row' && row.fields === null) this.#set.removed(row.id);
    keep(this.#rows, row);
  }

  #unmatchedInWords(ids: readonly string[]): string {
    const problems = this.#set.refused.filter(({ id }) => id !== null && ids.includes(id));
    const each = problems.map(({ id, problems: lines }) => `${id}: ${lines.join(', ')}`).join('; ');
    const why = 'what these endpoints of the topic want is not known, so what comes for them could not be kept';
    return `LEAD_WEBHOOKS_ENDPOINTS_TOPIC: ${why}: ${each}. Mend or remove their definitions`;
  }

  #files(): readonly string[] {
    const { endpointsFile } = this.#config.deliver;
    return endpointsFile === null ? [...this.#secretFiles] : [endpointsFile, ...this.#secretFiles];
  }

  #readAgain(deps: Reporting): void {
    this.#secretFiles.clear();
    this.#set.readAgain(this.#readFile());
    this.#changed(deps);
  }

  /** Tells what is different, if anything is. */
  #changed(deps: Reporting): void {
    const before = new Map(this.#current.map((endpoint) => [endpoint.id, endpoint]));
    const now = this.#set.endpoints;
    const added = now.filter(({ id }) => !before.has(id)).map(({ id }) => id);
    const changed = now
      .filter((endpoint) => before.has(endpoint.id) && before.get(endpoint.id) !== endpoint)
      .map(({ id }) => id);
    const kept = new Set(now.map(({ id }) => id));
    const removed = this.#current.map(({ id }) => id).filter((id) => !kept.has(id));
    this.#current = now;
    this.#report(deps);
    if (added.length + changed.length + removed.length === 0) return;
    deps.log.info(
      { event: 'endpoints_changed', added, changed, removed },
      'the endpoints have changed; they are in effect',
    );
    this.onChange();
  }

  /** Counts, and tells of each refusal once. */
  #report({ log, meter }: Reporting): void {
    const { refused } = this.#set;
    for (const source of ['file', 'topic'] as const) {
      const count = refused.filter(({ origin }) => origin === source).length;
      meter.gauge('endpoint_definitions', { source }, this.#set.count(source));
      meter.gauge('endpoint_definitions_refused', { source }, count);
    }
    const told = this.#refused;
    this.#refused = new Set(refused.map(spelt));
    for (const each of refused) {
      if (told.has(spelt(each))) continue;
      const { origin, id, problems } = each;
      const fields = { event: 'endpoint_refused', origin, endpoint: id, problems };
      log.error(fields, 'a definition of an endpoint is refused; what was in effect before stays');
    }
  }
}

/** A topic that is not compacted forgets definitions; its settings may be hidden from us, which is no reason not to read it. */
async function lookAt(topic: string, topics: Topics, log: Log): Promise<void> {
  try {
    const found = await topics.describe([topic]);
    const policy = found.get(topic)?.configs['cleanup.policy'] ?? 'compact';
    if (policy.includes('compact') && !policy.includes('delete')) return;
    const fields = { event: 'topic', topic, kind: 'cleanup' };
    log.warn(
      fields,
      `the endpoints topic has cleanup.policy=${policy}: definitions are lost in time, it should be compact`,
    );
  } catch (error) {
    log.debug({ event: 'topic', topic, error: lineOf(error) }, 'the settings of the endpoints topic cannot be seen');
  } finally {
    await topics.close();
  }
}

function spelt({ origin, id, problems }: Refused): string {
  return JSON.stringify([origin, id, problems]);
}
