/**
 * How definitions of endpoints are read, the one way for `run` and for every command: with the same secrets, versions, bounds and
 * restrictions, so that a command never takes for wrong, or for another definition, what `run` has in effect. Commands read the file and
 * the topic once; who follows them is endpoint-feed.ts.
 */
import type { EndpointRow } from '../core/endpoint-row.ts';
import type { Endpoint } from '../delivery/endpoint.ts';
import { EndpointSet } from '../delivery/endpoint-set.ts';
import { type ParsedEndpoints, type ParseOptions, parseEndpoints } from '../delivery/endpoints.ts';
import { EndpointTopic, type EndpointTopicDeps } from '../kafka/endpoint-topic.ts';
import { longestAttemptMs } from '../kafka/lease.ts';
import { Registry } from '../kafka/registry.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { silentMeter } from '../lib/meter.ts';
import { nearest } from '../lib/nearest.ts';
import type { Config } from '../ops/config.ts';
import { briefLog, ConfigInvalid, type Context } from './command.ts';
import { registryOptions } from './connections.ts';
import { fileSecrets, topicSecrets } from './endpoint-secrets.ts';
import { reading } from './reading.ts';

type Surroundings = Pick<Context, 'env' | 'readFile'>;

/** What of the configuration decides how the operator's file is read. */
export interface FileSettings extends Pick<Config['deliver'], 'sealKeys'> {
  readonly versions: readonly string[];
  /** null = its default. */
  readonly sessionTimeoutMs: number | null;
}

/** The rules for definitions of the operator's file. */
export function fileRules(context: Surroundings, { sealKeys, versions, sessionTimeoutMs }: FileSettings): ParseOptions {
  const bound = sessionTimeoutMs === null ? {} : { timeoutMsMax: longestAttemptMs(sessionTimeoutMs) };
  return { secrets: fileSecrets(context, { sealKeys }), emittedVersions: versions, ...bound };
}

/** The settings for `fileRules` out of a whole configuration. */
export function fileSettings({ payload, tasks, deliver }: Config): FileSettings {
  return {
    versions: payload.versions,
    sessionTimeoutMs: tasks.sessionTimeoutMs,
    sealKeys: deliver.sealKeys,
  };
}

/** The rules for definitions of the endpoints topic. */
export function topicRules(context: Surroundings, config: Config): ParseOptions {
  const allowedRanges = config.deliver.topicAddresses ?? [];
  const secrets = topicSecrets(context, config.deliver);
  return { ...fileRules(context, fileSettings(config)), secrets, allowedRanges };
}

/** A reader of the endpoints topic `topic`. */
export function endpointTopicOf(
  { registry, sources }: Config,
  topic: string,
  deps: Omit<EndpointTopicDeps, 'registry' | 'clock'>,
): EndpointTopic {
  const schemas = registry === null ? null : new Registry({ clock }, registryOptions(registry));
  return new EndpointTopic({ ...deps, registry: schemas, clock }, { topic, unavailable: sources.unavailableValue });
}

/**
 * What the configured file holds, its mistakes as lines of text; null when none is configured.
 * @throws ConfigInvalid when it cannot be read.
 */
export function definitionsInFile(
  context: Surroundings,
  config: Config,
): (Pick<ParsedEndpoints, 'endpoints' | 'refused'> & { readonly problems: readonly string[] }) | null {
  const { endpointsFile: file } = config.deliver;
  if (file === null) return null;
  let text: string;
  try {
    text = context.readFile(file);
  } catch {
    throw new ConfigInvalid([`LEAD_WEBHOOKS_ENDPOINTS_FILE: ${file} cannot be read`]);
  }
  const { endpoints, refused, mistakes } = parseEndpoints(text, fileRules(context, fileSettings(config)));
  return {
    endpoints,
    refused,
    problems: mistakes.map(({ line, path, message }) => `${file}:${line}: ${path} ${message}`),
  };
}

/**
 * The definitions of the endpoints topic that would be in effect after a start now, and those that are refused.
 * @throws StartRefused when the topic cannot be read.
 */
export async function definitionsInTopic(context: Context, config: Config, topic: string): Promise<EndpointSet> {
  const rules = topicRules(context, config);
  const set = new EndpointSet({ fileName: '', topicName: topic, file: rules, topic: rules });
  await reading(config, 'endpoints', [topic], async ({ fetcher, signal }) => {
    const reader = endpointTopicOf(config, topic, { fetcher, log: briefLog(config), meter: silentMeter });
    const whole = (
      rows: ReadonlyMap<string, EndpointRow>,
      earlier: ReadonlyMap<string, readonly EndpointRow[]>,
    ): void => set.setRows(rows, earlier);
    try {
      await reader.start({ whole, more: () => undefined }, signal);
    } finally {
      reader.close();
    }
  });
  return set;
}

/** The sentence for an id that is not defined. */
export function unknownEndpoint(id: string, endpoints: readonly Endpoint[]): string {
  const near = nearest(
    id,
    endpoints.map((endpoint) => endpoint.id),
  );
  return `no endpoint "${id}" is defined${near === null ? '' : `, did you mean "${near}"?`}`;
}
