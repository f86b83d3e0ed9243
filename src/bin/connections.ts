/**
 * From the configuration to what the clients of Kafka and of the registry take. It stands in `bin` because neither side knows the other:
 * `ops` knows no client, `kafka` no configuration. Opens nothing. Secrets are revealed here and nowhere else on their way to Kafka.
 */
import { TokenFailure } from '../kafka/bearer-login.ts';
import type { ConnectionOptions, Sasl } from '../kafka/client.ts';
import { KafkaFailure } from '../kafka/errors.ts';
import { mskIamTokens } from '../kafka/msk-iam-token.ts';
import { type RegistryOptions, RegistryUnavailable } from '../kafka/registry-http.ts';
import { endpointTokens } from '../kafka/token-endpoint.ts';
import { fileTokens } from '../kafka/token-file.ts';
import { systemClock } from '../lib/clock.ts';
import { StartRefused } from '../lib/start-refused.ts';
import type { Config, RegistryConfig } from '../ops/config.ts';
import type { KafkaLogin } from '../ops/kafka-login.ts';

/**
 * The brokers, TLS and login, in the client's shape.
 * @param part what this connection is for (`join`, `topics` …); the client id is `<app id>/<part>` and, when set, `/<instance id>`.
 */
export function kafkaOptions(config: Config, part: string): ConnectionOptions {
  const { brokers, ssl, sasl } = config.kafka;
  const { id, instanceId } = config.app;
  const tls = {
    ...(ssl?.ca == null ? {} : { ca: ssl.ca }),
    ...(ssl?.client == null ? {} : { cert: ssl.client.cert, key: ssl.client.key.reveal() }),
  };
  return {
    brokers,
    clientId: [id, part, ...(instanceId === null ? [] : [instanceId])].join('/'),
    ...(ssl === null ? {} : { ssl: Object.keys(tls).length === 0 ? true : tls }),
    ...(sasl === null ? {} : { sasl: saslOf(sasl, id) }),
  };
}

function saslOf(login: KafkaLogin, appId: string): Sasl {
  switch (login.mechanism) {
    case 'oauthbearer':
      return { mechanism: 'oauthbearer', token: tokensOf(login, appId), extensions: login.extensions };
    case 'aws-msk-iam':
      return { mechanism: 'oauthbearer', token: tokensOf(login, appId) };
    default:
      return { ...login, password: login.password.reveal() };
  }
}

type TokenLogin = Extract<KafkaLogin, { readonly mechanism: 'oauthbearer' | 'aws-msk-iam' }>;
const known = new WeakMap<TokenLogin, () => Promise<string>>();

/** One source of tokens for all connections of a configuration, so that they share the token. */
function tokensOf(login: TokenLogin, appId: string): () => Promise<string> {
  const tokens = known.get(login) ?? newTokens(login, appId);
  known.set(login, tokens);
  return tokens;
}

function newTokens(login: TokenLogin, appId: string): () => Promise<string> {
  if (login.mechanism === 'oauthbearer') {
    return login.source.kind === 'file' ? fileTokens(login.source.path) : endpointTokens(systemClock, login.source);
  }
  return mskIamTokens(systemClock, { region: login.region, sessionName: sessionName(appId) });
}

/** AWS wants 2 to 64 letters; the app id has other limits and the same letters. */
function sessionName(appId: string): string {
  return appId.slice(0, 64).padEnd(2, '-');
}

/** The registry's address and credentials, in the client's shape. */
export function registryOptions(registry: RegistryConfig): RegistryOptions {
  const { url, auth } = registry;
  return auth === null ? { url } : { url, username: auth.username, password: auth.password.reveal() };
}

/**
 * The failure of a first contact as the operator needs it: with the settings to look at when Kafka or the registry cannot be used
 * at all. Anything else is returned as it is.
 */
export function withSettings(error: unknown): unknown {
  const settings = settingsBehind(error);
  if (settings === null || !(error instanceof Error)) return error;
  return new StartRefused(`${settings}: ${error.message}`, { cause: error });
}

function settingsBehind(error: unknown): string | null {
  if (error instanceof TokenFailure) return 'there is no token for Kafka, look at KAFKA_SASL_*';
  if (error instanceof RegistryUnavailable) return 'SCHEMA_REGISTRY_URL cannot be used';
  if (!(error instanceof KafkaFailure)) return null;
  if (error.code === 'unavailable')
    return HUNG_UP.has(error.type) ? OTHER_LISTENER : 'no broker of KAFKA_BROKERS can be used';
  if (error.code !== 'authentication') return null;
  return THEIR_CERTIFICATE.test(error.type)
    ? 'the certificate of the brokers is not accepted, look at KAFKA_SSL_CA and at the names in KAFKA_BROKERS'
    : 'the brokers refuse this login, look at KAFKA_SASL_* and KAFKA_SSL_*';
}

/** What a listener does that waits for TLS and does not get it, or gets it and does not wait for it, or misses a login. */
const HUNG_UP: ReadonlySet<string> = new Set(['KafkaJSConnectionClosedError', 'ECONNRESET']);
const OTHER_LISTENER =
  'the brokers of KAFKA_BROKERS hang up, which they do when a port wants TLS or a login, or wants none: look at KAFKA_SSL and KAFKA_SASL_*';
/** Node's codes for a certificate that we do not accept; an alert (ERR_SSL_…) is about ours. */
const THEIR_CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/;
