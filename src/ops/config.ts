/**
 * From the environment to a frozen, typed configuration, or to every problem at once. Pure but for `readFile`, which fetches what
 * a `_FILE` name points at. It connects to nothing: whether a topic or an endpoint exists is for the commands to find out.
 *
 * A problem starts with the name it is about. It shows the value of a plain setting and never that of a secret.
 */
import { nearest } from '../lib/nearest.ts';
import type { Secret } from '../lib/secret.ts';
import { APP_ID_MARK, allSettings, knownNames, OWN_PREFIX, SETTINGS } from './config-table.ts';
import { type KafkaLogin, loginOf, loginProblems } from './kafka-login.ts';
import type { Setting } from './setting.ts';

export type Env = Readonly<Record<string, string | undefined>>;

type ValueOf<S> = S extends Setting<infer T> ? T : never;
type Values = {
  readonly [G in keyof typeof SETTINGS]: {
    readonly [K in keyof (typeof SETTINGS)[G]]: ValueOf<(typeof SETTINGS)[G][K]>;
  };
};

export interface KafkaConfig {
  readonly brokers: readonly string[];
  /** null = no TLS. */
  readonly ssl: { readonly ca: string | null; readonly client: { cert: string; key: Secret } | null } | null;
  /** null = no login. */
  readonly sasl: KafkaLogin | null;
}

export interface RegistryConfig {
  readonly url: string;
  readonly auth: { readonly username: string; readonly password: Secret } | null;
}

export type Config = Omit<Values, 'kafka' | 'registry'> & {
  readonly kafka: KafkaConfig;
  /** null = SCHEMA_REGISTRY_URL is not set; who needs it says so. */
  readonly registry: RegistryConfig | null;
};

/** One setting as it came out, for `config print`. */
export interface EffectiveSetting {
  readonly name: string;
  /** null = not set and without a default; `[secret]` for a secret that is set. */
  readonly value: string | null;
  readonly origin: 'default' | 'environment' | 'file';
}

export type ParsedConfig =
  | { readonly config: Config; readonly effective: readonly EffectiveSetting[] }
  | { readonly problems: readonly string[] };

/**
 * Reads all settings.
 * @param env names and values; an empty value counts as not set.
 * @param readFile gives the text of the file at a path, or throws; called for `_FILE` names only.
 * @returns the configuration, or every problem; each problem is one line.
 */
export function parseConfig(env: Env, readFile: (path: string) => string): ParsedConfig {
  const problems = unknownNames(env);
  const given = new Map(allSettings().map((setting) => [setting.env, readGiven(setting, env, readFile)]));
  const appId = given.get(SETTINGS.app.id.env)?.text ?? '';
  const appIdFits = SETTINGS.app.id.parser.parse(appId) !== null;
  const effective: EffectiveSetting[] = [];

  const values = mapSettings((setting) => {
    const { text, origin, problem } = given.get(setting.env) ?? NOT_GIVEN;
    if (problem !== null) {
      problems.push(`${setting.env}: ${problem}`);
      return null;
    }
    const fallback = setting.fallback?.replace(APP_ID_MARK, appIdFits ? appId : (SETTINGS.app.id.fallback ?? ''));
    const full = text ?? fallback ?? null;
    effective.push({ name: setting.env, value: setting.secret && full !== null ? '[secret]' : full, origin });
    if (full === null && setting.required) problems.push(`${setting.env}: is required: ${inWords(setting)}`);
    if (full === null) return null;
    const parsed = setting.parser.parse(full);
    if (parsed === null) problems.push(`${setting.env}: ${notAllowed(setting, full, origin)}`);
    return parsed?.value ?? null;
  });

  const isSet = (setting: Setting<unknown>): boolean => (given.get(setting.env) ?? NOT_GIVEN).origin !== 'default';
  problems.push(...conflicts(values, isSet));
  if (problems.length > 0) return { problems };
  return { config: deepFreeze(assemble(values)), effective };
}

/**
 * One setting alone, for a command that needs nothing else. Not for settings whose default contains the app id.
 * @returns its value, null when it is not set and need not be, or the problem as `parseConfig` would name it.
 */
export function readSetting<T>(
  setting: Setting<T>,
  env: Env,
  readFile: (path: string) => string,
): { readonly value: T | null } | { readonly problem: string } {
  const { text, origin, problem } = readGiven(setting, env, readFile);
  if (problem !== null) return { problem: `${setting.env}: ${problem}` };
  const full = text ?? setting.fallback;
  if (full === null)
    return setting.required ? { problem: `${setting.env}: is required: ${inWords(setting)}` } : NO_VALUE;
  return setting.parser.parse(full) ?? { problem: `${setting.env}: ${notAllowed(setting, full, origin)}` };
}

const NO_VALUE = { value: null };

/** Whether this configuration cannot run without a schema registry (an Avro source may need one besides). */
export function needsRegistry(config: Config): boolean {
  return config.payload.framing === 'registry';
}

interface Given {
  /** null = not given, or unreadable. */
  readonly text: string | null;
  readonly origin: EffectiveSetting['origin'];
  readonly problem: string | null;
}

const NOT_GIVEN: Given = { text: null, origin: 'default', problem: null };

function readGiven(setting: Setting<unknown>, env: Env, readFile: (path: string) => string): Given {
  const direct = env[setting.env] ?? '';
  const path = setting.fileTwin ? (env[`${setting.env}_FILE`] ?? '') : '';
  if (direct !== '' && path !== '') {
    return { text: null, origin: 'environment', problem: `is set twice: as it is and as ${setting.env}_FILE` };
  }
  if (path !== '') return readTwin(setting, path, readFile);
  return direct === '' ? NOT_GIVEN : { text: direct, origin: 'environment', problem: null };
}

function readTwin(setting: Setting<unknown>, path: string, readFile: (path: string) => string): Given {
  try {
    const text = readFile(path).replace(/\r?\n$/, '');
    if (text !== '') return { text, origin: 'file', problem: null };
    return { text: null, origin: 'file', problem: `the file of ${setting.env}_FILE is empty: ${path}` };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return { text: null, origin: 'file', problem: `the file of ${setting.env}_FILE cannot be read (${code}): ${path}` };
  }
}

function notAllowed(setting: Setting<unknown>, text: string, origin: EffectiveSetting['origin']): string {
  // A URL may hold a password, a file may be anything: what is not plainly harmless is not repeated.
  const shown = setting.secret || origin === 'file' || text.includes('@') || text.length > 100 ? '' : `, is "${text}"`;
  const fromService = /^(tcp|udp|sctp):\/\//.test(text);
  const hint = fromService ? ' (set by Kubernetes for a Service of this name: set enableServiceLinks: false)' : '';
  return `must be ${inWords(setting)}${shown}${hint}`;
}

/** What is allowed, without the marks of the documents. */
const inWords = (setting: Setting<unknown>): string => setting.parser.allowed.replaceAll('`', '');

function unknownNames(env: Env): string[] {
  const known = new Set(knownNames());
  const problems: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(OWN_PREFIX) || isServiceLink(name, text ?? '')) continue;
    if (known.has(name)) continue;
    const near = nearest(name, known);
    problems.push(`${name}: is not a known name${near === null ? '' : `, did you mean ${near}?`}`);
  }
  return problems;
}

/** What Kubernetes puts into every pod for a Service called `lead-webhooks` or `lead-webhooks-…`: nobody's mistake. */
function isServiceLink(name: string, text: string): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name === `${OWN_PREFIX}PORT` && /^(tcp|udp|sctp):\/\//.test(text);
}

/** What no single setting can see. */
function conflicts(values: Values, isSet: (setting: Setting<unknown>) => boolean): string[] {
  const { kafka, registry } = SETTINGS;
  const problems: string[] = [];
  const together = (a: Setting<unknown>, b: Setting<unknown>): void => {
    if (isSet(a) !== isSet(b)) problems.push(`${a.env}, ${b.env}: are set both or not at all`);
  };
  const needs = (setting: Setting<unknown>, met: boolean, what: string): void => {
    if (isSet(setting) && !met) problems.push(`${setting.env}: has no effect without ${what}`);
  };
  for (const setting of [kafka.sslCa, kafka.sslCert, kafka.sslKey]) {
    needs(setting, values.kafka.ssl !== false, `${kafka.ssl.env}=true`);
  }
  together(kafka.sslCert, kafka.sslKey);
  problems.push(...loginProblems(values.kafka, isSet));
  together(registry.username, registry.password);
  needs(registry.username, isSet(registry.url), registry.url.env);
  const { endpointsTopic, topicAddresses, topicSecretsDir } = SETTINGS.deliver;
  for (const setting of [topicAddresses, topicSecretsDir]) needs(setting, isSet(endpointsTopic), endpointsTopic.env);
  return [...problems, ...sharedTopics(values)];
}

function sharedTopics(values: Values): string[] {
  const owners = new Map<string, string>();
  const problems: string[] = [];
  const { leads, appointments, testDrives } = SETTINGS.sources;
  const own = Object.entries(SETTINGS.topics).map(([key, { env }]) => ({ env, name: topicOf(values.topics, key) }));
  const { endpointsTopic } = SETTINGS.deliver;
  const sources = Object.entries({ leads, appointments, testDrives }).map(([key, { env }]) => ({
    env,
    name: topicOf(values.sources, key),
  }));
  sources.push({ env: endpointsTopic.env, name: topicOf(values.deliver, 'endpointsTopic') });
  for (const { env, name } of [...sources, ...own]) {
    if (name === null) continue;
    const owner = owners.get(name);
    if (owner !== undefined) problems.push(`${owner}, ${env}: both name the topic "${name}"`);
    else owners.set(name, env);
  }
  return problems;
}

function topicOf(group: object, key: string): string | null {
  const name: unknown = Reflect.get(group, key);
  return typeof name === 'string' ? name : null;
}

function mapSettings(read: (setting: Setting<unknown>) => unknown): Values {
  const groups = Object.entries(SETTINGS).map(([name, group]) => [
    name,
    Object.fromEntries(Object.entries(group).map(([key, setting]) => [key, read(setting)])),
  ]);
  return Object.fromEntries(groups) as Values;
}

/** Turns the loose connection settings into the shapes that cannot be half set. Called when there are no problems. */
function assemble(values: Values): Config {
  const { kafka, registry, ...rest } = values;
  const { sslCa, sslCert, sslKey } = kafka;
  const client = sslCert === null || sslKey === null ? null : { cert: sslCert, key: sslKey };
  const { url, username, password } = registry;
  const auth = username === null || password === null ? null : { username, password };
  return {
    ...rest,
    kafka: { brokers: kafka.brokers, ssl: kafka.ssl ? { ca: sslCa, client } : null, sasl: loginOf(kafka) },
    registry: url === null ? null : { url, auth },
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
