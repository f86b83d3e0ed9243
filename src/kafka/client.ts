/**
 * How this program connects to Kafka: addresses, TLS, SASL, timeouts, retries and the client's log. Every client is made
 * here. It connects to nothing by itself and reads no configuration. The client's own log speaks loudly of what it is about
 * to try again, and repeats errors that reach us as values, so its lines are toned down and only known fields are let through.
 */
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory, Kafka, KafkaConfig, LogEntry, logCreator, RetryOptions, SASLOptions } from 'kafkajs';
import type { Log } from '../lib/log.ts';
import { type BearerLogin, bearerMechanism } from './bearer-login.ts';
import { registerCodecs } from './compression.ts';
import { kafkajs } from './fixes.ts';

/** The client that every connection of this program is made from. */
export type { Kafka };

export interface ConnectionOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs and quotas. */
  readonly clientId: string;
  /** `true` = TLS with the system's authorities; else PEM texts. Absent = no TLS. */
  readonly ssl?: true | { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl?: Sasl;
}

export type Sasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | ({ readonly mechanism: 'oauthbearer' } & BearerLogin);

/** Milliseconds. The client's own second is too short for TLS and SASL to a busy broker. */
export const CONNECTION_TIMEOUT_MS = 10_000;
/** Milliseconds until a request counts as lost. Long polls and joins of a group have longer ones of their own. */
export const REQUEST_TIMEOUT_MS = 15_000;

/**
 * Retries of what the client retries by itself: 50 ms, doubled up to 2 s, for some 12 s. All five are given, because the
 * client's defaults depend on NODE_ENV.
 */
export const RETRY: Required<Omit<RetryOptions, 'restartOnFailure'>> = {
  initialRetryTime: 50,
  multiplier: 2,
  factor: 0.2,
  maxRetryTime: 2_000,
  retries: 10,
};

const KEEP_ALIVE_MS = 60_000;

/**
 * Makes a client. Nothing is sent before something is asked of it. Never creates topics: `allowAutoTopicCreation` is false
 * for every producer and consumer that is made from it, also where the caller does not say so.
 */
export function createKafka(options: ConnectionOptions, log: Log): Kafka {
  registerCodecs();
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    authenticationTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    retry: RETRY,
    socketFactory: promptSockets,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: clientLog(log),
  };
  if (options.ssl !== undefined) config.ssl = options.ssl === true ? true : { ...options.ssl };
  const { sasl } = options;
  if (sasl?.mechanism === 'oauthbearer') config.sasl = bearerMechanism(sasl);
  else if (sasl !== undefined) config.sasl = { ...sasl } satisfies Sasl as SASLOptions;
  return withoutTopicCreation(new kafkajs.Kafka(config));
}

function withoutTopicCreation(kafka: Kafka): Kafka {
  const { producer, consumer } = kafka;
  kafka.producer = (config) => producer.call(kafka, { ...config, allowAutoTopicCreation: false });
  kafka.consumer = (config) => {
    if (config === undefined) throw new TypeError('a consumer needs a group');
    return consumer.call(kafka, { ...config, allowAutoTopicCreation: false });
  };
  return kafka;
}

/**
 * Sockets without Nagle's algorithm. The client's have it, so that the end of a request can wait for the acknowledgement
 * of its beginning, up to 40 ms.
 */
const promptSockets: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connectTcp({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
};

/** Fields of the client's log lines that hold no record and no secret. */
const LOGGED = ['broker', 'clientId', 'groupId', 'memberId', 'topic', 'partition', 'retryCount', 'retryTime', 'error'];
/** A retry that waits this long, in ms, is one of many and worth a line that is seen. */
const WORTH_A_WARNING_MS = 300;

/**
 * Maps the client's log to ours. Errors that are answers to a request (they have a correlation id) or that are tried again
 * (they have a retry time) are debug, warn when the wait has grown long; all other errors are warn: what matters reaches us as a
 * KafkaFailure and is logged there. Info is debug; the client's debug lines are dropped, they can hold answers.
 */
export function clientLog(log: Log): logCreator {
  return () => (entry) => {
    const { ERROR, WARN, INFO } = kafkajs.logLevel;
    if (entry.level > INFO) return;
    const message = `kafka client: ${entry.namespace} ${entry.log.message}`;
    const fields = loggedFields(entry);
    if (entry.level === WARN || (entry.level === ERROR && !isRoutine(entry))) log.warn(fields, message);
    else log.debug(fields, message);
  };
}

function isRoutine({ log }: LogEntry): boolean {
  if (log['correlationId'] !== undefined) return true;
  const wait: unknown = log['retryTime'];
  return typeof wait === 'number' && wait < WORTH_A_WARNING_MS;
}

function loggedFields({ log }: LogEntry): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of LOGGED) {
    const value: unknown = log[name];
    if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
  }
  return fields;
}
