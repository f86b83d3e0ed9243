/**
 * The login to Kafka out of its settings: one shape per mechanism, which cannot be half set, and the problems of settings that are missing,
 * have no effect, or exclude each other. It reads no environment and logs in to nothing.
 */
import type { Secret } from '../lib/secret.ts';
import { KAFKA_SETTINGS as kafka } from './kafka-settings.ts';
import type { Setting } from './setting.ts';

type ValueOf<S> = S extends Setting<infer T> ? T : never;
/** Key → value of the settings of kafka-settings.ts. */
export type KafkaValues = { readonly [K in keyof typeof kafka]: ValueOf<(typeof kafka)[K]> };

/** How to log in to the brokers. */
export type KafkaLogin =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: Secret;
    }
  | {
      readonly mechanism: 'oauthbearer';
      readonly source: TokenFile | TokenEndpoint;
      readonly extensions: ReadonlyMap<string, string>;
    }
  | { readonly mechanism: 'aws-msk-iam'; readonly region: string };

export interface TokenFile {
  readonly kind: 'file';
  readonly path: string;
}

export interface TokenEndpoint {
  readonly kind: 'endpoint';
  readonly url: string;
  readonly ca: string | null;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly credentials: 'header' | 'body';
  readonly scope: string | null;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The login; null = none. Called when there are no problems. */
export function loginOf(values: KafkaValues): KafkaLogin | null {
  const { saslMechanism: mechanism, saslUsername: username, saslPassword: password, awsRegion: region } = values;
  switch (mechanism) {
    case null:
      return null;
    case 'oauthbearer': {
      const source = sourceOf(values);
      return source === null ? null : { mechanism, source, extensions: values.saslExtensions ?? new Map() };
    }
    case 'aws-msk-iam':
      return region === null ? null : { mechanism, region };
    default:
      return username === null || password === null ? null : { mechanism, username, password };
  }
}

function sourceOf(values: KafkaValues): TokenFile | TokenEndpoint | null {
  const { saslTokenFile: path, oauthTokenUrl: url, oauthClientId: clientId, oauthClientSecret: clientSecret } = values;
  if (path !== null) return { kind: 'file', path };
  if (url === null || clientId === null || clientSecret === null) return null;
  const { oauthCa: ca, oauthCredentials: credentials, oauthScope: scope } = values;
  const parameters = values.oauthParameters ?? new Map();
  return { kind: 'endpoint', url, ca, clientId, clientSecret, credentials, scope, parameters };
}

/** Settings that only one kind of login uses. */
const PASSWORD = [kafka.saslUsername, kafka.saslPassword];
const ENDPOINT_REQUIRED = [kafka.oauthClientId, kafka.oauthClientSecret];
const ENDPOINT = [...ENDPOINT_REQUIRED, kafka.oauthCa, kafka.oauthCredentials, kafka.oauthScope, kafka.oauthParameters];
const BEARER = [kafka.saslTokenFile, kafka.oauthTokenUrl, kafka.saslExtensions];

/** What no single setting of the login can see. @param isSet whether it was given, right or wrong */
export function loginProblems(values: KafkaValues, isSet: (setting: Setting<unknown>) => boolean): string[] {
  const { saslMechanism, saslTokenFile, oauthTokenUrl, awsRegion, ssl } = kafka;
  const mechanism = values.saslMechanism;
  // A mechanism that is not one is a problem already; what it needs is not known.
  if (mechanism === null && isSet(saslMechanism)) return [];
  const problems: string[] = [];
  const needs = (settings: readonly Setting<unknown>[], met: boolean, what: string): void => {
    for (const setting of settings)
      if (isSet(setting) && !met) problems.push(`${setting.env}: has no effect without ${what}`);
  };
  const requires = (settings: readonly Setting<unknown>[], what: string): void => {
    for (const setting of settings) if (!isSet(setting)) problems.push(`${setting.env}: is required with ${what}`);
  };
  const byPassword = mechanism !== null && mechanism !== 'oauthbearer' && mechanism !== 'aws-msk-iam';
  const chosen = `${saslMechanism.env}=${mechanism}`;
  needs(PASSWORD, byPassword, mechanism === null ? saslMechanism.env : `${saslMechanism.env}=plain or scram-…`);
  needs(BEARER, mechanism === 'oauthbearer', `${saslMechanism.env}=oauthbearer`);
  needs(ENDPOINT, isSet(oauthTokenUrl), oauthTokenUrl.env);
  needs([awsRegion], mechanism === 'aws-msk-iam', `${saslMechanism.env}=aws-msk-iam`);
  if (byPassword) requires(PASSWORD, chosen);
  if (mechanism === 'aws-msk-iam') {
    requires([awsRegion], chosen);
    if (values.ssl === false) problems.push(`${ssl.env}: must be true with ${chosen}`);
  }
  if (mechanism === 'oauthbearer') {
    const either = `${saslTokenFile.env}, ${oauthTokenUrl.env}`;
    if (isSet(saslTokenFile) === isSet(oauthTokenUrl)) problems.push(`${either}: set one of them with ${chosen}`);
    if (isSet(oauthTokenUrl)) requires(ENDPOINT_REQUIRED, oauthTokenUrl.env);
  }
  return problems;
}
