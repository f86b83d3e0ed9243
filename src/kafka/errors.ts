/**
 * What can go wrong with Kafka, as a small set of stable codes that the rest of the program decides by. `classify` turns
 * whatever the client throws into one of them, by the error's type and name, never by its text. The text of the client's
 * error is not kept either: it may quote a record. The cause's type and the chain of names are kept for the log.
 */

/** Each is documented in docs/operating.md. */
export type KafkaFailureCode =
  /** Another producer took the transactional id, or the coordinator gave the transaction up after its timeout. */
  | 'fenced'
  /** The end of a transaction was asked for and the answer is missing: it may be committed or not. */
  | 'commit-unknown'
  /** The broker did not confirm every partition that was sent; the transaction must be aborted. */
  | 'incomplete-send'
  /** The producer's identity or sequence is no longer valid; a new producer works. */
  | 'producer-lost'
  /** The log does not hold the offset that was asked for. */
  | 'offset-out-of-range'
  /** Brokers cannot be reached, do not answer in time, or are electing; time heals it. */
  | 'unavailable'
  /** A record or batch is larger than the broker or topic allows. */
  | 'too-large'
  | 'topic-missing'
  /** The principal may not do this; the message names the topic, group or transactional id and the operation. */
  | 'authorization'
  /** The broker does not accept our credentials or TLS. */
  | 'authentication'
  /** Broker and client do not fit, or a request is not valid for the configuration. */
  | 'unsupported'
  /** The group's coordinator wants the member to join again. */
  | 'rebalance'
  /** An input is not what it was: what is known of its rows would be lost. Needs the operator. */
  | 'input-changed'
  /** A task or an input stands still, and nothing that this process can do mends it. */
  | 'stalled'
  /** A task reads so far behind that the cleaner may have been there first; it has to load anew. */
  | 'fell-behind'
  /** A broker had left a former transaction of the task open; it has been ended, and the task starts again. */
  | 'left-open'
  /** We were told to stop while waiting. */
  | 'stopped'
  /** Anything else. */
  | 'unknown';

const RETRIABLE: ReadonlySet<KafkaFailureCode> = new Set([
  'commit-unknown',
  'incomplete-send',
  'producer-lost',
  'unavailable',
  'rebalance',
  'fell-behind',
  'left-open',
]);

export class KafkaFailure extends Error {
  override name = 'KafkaFailure';
  readonly code: KafkaFailureCode;
  /**
   * Whether the same work can succeed with fresh connections and a fresh producer without anybody changing anything.
   * `fenced` is not: only the assignment can tell whether the work is still ours.
   */
  readonly retriable: boolean;
  /** The client's type of the error (`INVALID_PRODUCER_EPOCH`, `KafkaJSConnectionError`, `ECONNREFUSED`); empty = ours. */
  readonly type: string;

  constructor(code: KafkaFailureCode, message: string, type = '') {
    super(type === '' ? message : `${message} (${type})`);
    this.code = code;
    this.retriable = RETRIABLE.has(code);
    this.type = type;
  }
}

/** Types of protocol errors (the client's names, completed by fixes/error-codes.ts). */
const BY_TYPE: Readonly<Record<string, KafkaFailureCode>> = {
  INVALID_PRODUCER_EPOCH: 'fenced',
  PRODUCER_FENCED: 'fenced',
  TRANSACTION_COORDINATOR_FENCED: 'fenced',
  INVALID_TXN_STATE: 'producer-lost',
  INVALID_PRODUCER_ID_MAPPING: 'producer-lost',
  UNKNOWN_PRODUCER_ID: 'producer-lost',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'producer-lost',
  DUPLICATE_SEQUENCE_NUMBER: 'producer-lost',
  TRANSACTION_ABORTABLE: 'producer-lost',
  TRANSACTIONAL_ID_NOT_FOUND: 'producer-lost',
  OFFSET_OUT_OF_RANGE: 'offset-out-of-range',
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  UNKNOWN_TOPIC_OR_PARTITION: 'topic-missing',
  UNKNOWN_TOPIC_ID: 'topic-missing',
  INVALID_TOPIC_EXCEPTION: 'topic-missing',
  TOPIC_AUTHORIZATION_FAILED: 'authorization',
  GROUP_AUTHORIZATION_FAILED: 'authorization',
  CLUSTER_AUTHORIZATION_FAILED: 'authorization',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'authorization',
  POLICY_VIOLATION: 'authorization',
  // Kafka's answer for the topics beside one that may not be written to; the client shows whichever comes first.
  OPERATION_NOT_ATTEMPTED: 'authorization',
  SASL_AUTHENTICATION_FAILED: 'authentication',
  UNSUPPORTED_SASL_MECHANISM: 'authentication',
  ILLEGAL_SASL_STATE: 'authentication',
  UNSUPPORTED_VERSION: 'unsupported',
  INVALID_REQUEST: 'unsupported',
  INVALID_CONFIG: 'unsupported',
  INVALID_REQUIRED_ACKS: 'unsupported',
  INVALID_TRANSACTION_TIMEOUT: 'unsupported',
  INVALID_SESSION_TIMEOUT: 'unsupported',
  INCONSISTENT_GROUP_PROTOCOL: 'unsupported',
  UNSUPPORTED_COMPRESSION_TYPE: 'unsupported',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'unsupported',
  ILLEGAL_GENERATION: 'rebalance',
  UNKNOWN_MEMBER_ID: 'rebalance',
  REBALANCE_IN_PROGRESS: 'rebalance',
  MEMBER_ID_REQUIRED: 'rebalance',
};

/** Names of the client's own error classes. */
const BY_NAME: Readonly<Record<string, KafkaFailureCode>> = {
  KafkaJSOffsetOutOfRange: 'offset-out-of-range',
  KafkaJSConnectionError: 'unavailable',
  KafkaJSConnectionClosedError: 'unavailable',
  KafkaJSRequestTimeoutError: 'unavailable',
  KafkaJSBrokerNotFound: 'unavailable',
  KafkaJSNoBrokerAvailableError: 'unavailable',
  KafkaJSGroupCoordinatorNotFound: 'unavailable',
  KafkaJSMetadataNotLoaded: 'unavailable',
  KafkaJSTopicMetadataNotLoaded: 'unavailable',
  KafkaJSLockTimeout: 'unavailable',
  KafkaJSTimeout: 'unavailable',
  KafkaJSSASLAuthenticationError: 'authentication',
  KafkaJSServerDoesNotSupportApiKey: 'unsupported',
  KafkaJSNotImplemented: 'unsupported',
};

/** Codes of Node's sockets and TLS that mean a network fault; TLS codes that mean a wrong certificate are told apart. */
const NETWORK = /^(ECONN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/;
const CERTIFICATE = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** What a request was about. Kafka's refusal says neither on what nor for what a right is missing; its caller knows. */
export interface Asked {
  /** Kafka's name of the operation on the topics, such as `WRITE`. */
  readonly operation: string;
  readonly topics?: readonly string[];
  readonly group?: string;
  readonly transactionalId?: string;
}

/**
 * The failure behind anything that the client threw. A KafkaFailure is returned as it is. The innermost cause that
 * says something decides: the client wraps the real error in "retries exceeded".
 * @param asked what the request was about; the message of an `authorization` names it
 */
export function classify(error: unknown, asked?: Asked): KafkaFailure {
  const chain = causes(error);
  for (const one of chain) if (one instanceof KafkaFailure) return one;
  for (const one of chain.toReversed()) {
    const found = codeOf(one);
    if (found === null) continue;
    const refused = asked !== undefined && found.code === 'authorization';
    const message = refused ? missingRight(found.type, asked, one['topic']) : 'Kafka request failed';
    return new KafkaFailure(found.code, message, found.type);
  }
  const outer = chain[0];
  return new KafkaFailure(
    'unknown',
    'Kafka request failed',
    String(outer?.['type'] ?? outer?.['name'] ?? typeof error),
  );
}

/**
 * READ and WRITE include DESCRIBE, so that one operation is enough to name (Kafka's authorizer).
 * @param exactly the topic that the error itself names, if it does
 */
function missingRight(type: string, asked: Asked, exactly: unknown): string {
  const { operation, group, transactionalId } = asked;
  if (type === 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' && transactionalId !== undefined) {
    return mayNot(`WRITE transactional id ${transactionalId}`);
  }
  if (type === 'GROUP_AUTHORIZATION_FAILED' && group !== undefined) return mayNot(`READ group ${group}`);
  if (type === 'CLUSTER_AUTHORIZATION_FAILED') return mayNot(`${operation} the cluster`);
  const topics = typeof exactly === 'string' ? [exactly] : (asked.topics ?? []);
  const [topic = '?', ...more] = [...new Set(topics)].sort();
  const which = more.length === 0 ? `topic ${topic}` : `one of the topics ${[topic, ...more].join(', ')}`;
  if (type === 'POLICY_VIOLATION') return `a policy of the cluster forbids to ${operation} ${which}`;
  return mayNot(`${operation} ${which}`);
}

/** The sentence for rights that are missing: `READ topic a`, `WRITE transactional id b`. */
export function mayNot(...lacking: readonly string[]): string {
  return `may not ${lacking.join('; may not ')}: grant it to the user of this process`;
}

type Thrown = Readonly<Record<string, unknown>>;

const DEEPEST_CAUSE = 8;

function causes(error: unknown): Thrown[] {
  const chain: Thrown[] = [];
  let next: unknown = error;
  while (typeof next === 'object' && next !== null && chain.length < DEEPEST_CAUSE) {
    const { cause, errors } = next as Thrown;
    chain.push(next as Thrown);
    // One for each topic, of a request about several (the client's aggregate).
    if (Array.isArray(errors)) chain.push(...errors.filter((one) => typeof one === 'object' && one !== null));
    next = cause;
  }
  return chain;
}

function codeOf(error: Thrown): { code: KafkaFailureCode; type: string } | null {
  const { type, name, code, retriable } = error;
  if (typeof type === 'string') {
    const known = BY_TYPE[type];
    if (known !== undefined) return { code: known, type };
    // Elections, loading coordinators, full disks, throttling: Kafka itself says that time heals them.
    if (retriable === true || COORDINATOR_MOVES.has(type)) return { code: 'unavailable', type };
  }
  if (typeof code === 'string' && CERTIFICATE.test(code)) return { code: 'authentication', type: code };
  if (typeof code === 'string' && NETWORK.test(code)) return { code: 'unavailable', type: code };
  const byName = typeof name === 'string' ? BY_NAME[name] : undefined;
  return byName === undefined ? null : { code: byName, type: String(name) };
}

/** The client calls these final, because it leaves the new look-up to its caller. */
const COORDINATOR_MOVES: ReadonlySet<string> = new Set([
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_CONTROLLER',
  'CONCURRENT_TRANSACTIONS',
]);
