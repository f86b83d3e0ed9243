/**
 * Every environment variable of the program, once: name, parser (with its bounds), default, unit, meaning, secret or not. The typed
 * configuration, the problems, `config print` and the table in docs/operating.md all come from here. It parses nothing itself.
 *
 * A default is written as the text that an operator would set, and goes through the same parser. `<app id>` in it stands for
 * LEAD_WEBHOOKS_APP_ID.
 */
import {
  addressRanges,
  announceSince,
  enumIntegers,
  integer,
  kafkaName,
  oneOf,
  plainText,
  recordPlaces,
  sealKeys,
  secretText,
  serviceUrl,
  someOf,
} from './config-parsers.ts';
import { KAFKA_SETTINGS } from './kafka-settings.ts';
import { measured, optional, SECRET, type Setting, setting } from './setting.ts';

/** The prefix that belongs to this program alone: an unknown name under it is a problem. */
export const OWN_PREFIX = 'LEAD_WEBHOOKS_';
/** Stands for LEAD_WEBHOOKS_APP_ID in a default. */
export const APP_ID_MARK = '<app id>';

/** The longest suffix of a group or transactional id that is put behind the app id is short: 100 letters leave room. */
const appId = kafkaName(100);
const topic = kafkaName(249);
const ownTopic = (env: string, name: string, what: string): Setting<string> =>
  setting(env, topic, `${APP_ID_MARK}.${name}`, `Own topic: ${what}.`);

/** Group → key → setting. The typed configuration has the same shape, but for `kafka` and `registry` (config.ts). */
export const SETTINGS = {
  kafka: KAFKA_SETTINGS,
  registry: {
    url: optional(
      'SCHEMA_REGISTRY_URL',
      serviceUrl,
      'Schema registry with the Confluent API. Not needed when all sources are JSON and the outbound framing is `plain`.',
    ),
    username: optional('SCHEMA_REGISTRY_USERNAME', plainText, 'User name for the registry.'),
    password: optional('SCHEMA_REGISTRY_PASSWORD', secretText, 'Password for the registry.', SECRET),
  },
  app: {
    id: setting('LEAD_WEBHOOKS_APP_ID', appId, 'lead-webhooks', 'Prefix of groups, transactional ids and own topics.'),
    instanceId: optional(
      'LEAD_WEBHOOKS_INSTANCE_ID',
      kafkaName(100),
      'Identity that survives a restart, for example the name of the pod; none = random, and no eviction of a predecessor.',
    ),
    shutdownTimeoutMs: measured(
      'ms',
      setting(
        'LEAD_WEBHOOKS_SHUTDOWN_TIMEOUT_MS',
        integer(1_000, 600_000),
        '25000',
        'How long a stop may take before the process ends as it is. Keep it below the grace period of the platform.',
      ),
    ),
  },
  sources: {
    leads: setting('LEAD_WEBHOOKS_LEADS_TOPIC', topic, 'dealerstudio.public.leads', 'Source topic of the leads.'),
    appointments: setting(
      'LEAD_WEBHOOKS_APPOINTMENTS_TOPIC',
      topic,
      'dealerstudio.public.appointments',
      'Source topic of the appointments.',
    ),
    testDrives: setting(
      'LEAD_WEBHOOKS_TEST_DRIVES_TOPIC',
      topic,
      'dealerstudio.public.test_drives',
      'Source topic of the test drives.',
    ),
    epoch: setting(
      'LEAD_WEBHOOKS_SOURCE_EPOCH',
      integer(0, 1_000_000),
      '0',
      'Raise it by one when the log positions of the source database start again, for example after a restore.',
    ),
    announceSince: setting(
      'LEAD_WEBHOOKS_ANNOUNCE_SINCE',
      announceSince,
      'first-start',
      'Changes committed before this announce nothing by themselves.',
    ),
    generation: setting(
      'LEAD_WEBHOOKS_GENERATION',
      integer(0, 31),
      '0',
      'Raise it by one when the application begins anew under another id: its revisions are then above those of the one before.',
    ),
    skip: optional(
      'LEAD_WEBHOOKS_SKIP_RECORDS',
      recordPlaces,
      'Source records that rekey does not look at and puts on the dead letter topic (`skipped`): the way past one that ends the process.',
    ),
    jsonTimeUnit: setting(
      'LEAD_WEBHOOKS_JSON_TIME_UNIT',
      oneOf('micros', 'millis'),
      'micros',
      'What an integer in a timestamp column means in JSON without a schema.',
    ),
    unavailableValue: setting(
      'LEAD_WEBHOOKS_UNAVAILABLE_VALUE',
      plainText,
      '__debezium_unavailable_value',
      'What the connector writes for a large value that did not change.',
    ),
    testDrivePurposes: optional(
      'LEAD_WEBHOOKS_TEST_DRIVE_PURPOSES',
      enumIntegers,
      'Integers that mean a test drive, when `purpose` of the appointments is an integer enum.',
    ),
  },
  topics: {
    rekeyState: ownTopic('LEAD_WEBHOOKS_REKEY_STATE_TOPIC', 'rekey-state', 'what rekey knows of each row'),
    clusterChanges: ownTopic('LEAD_WEBHOOKS_CLUSTER_CHANGES_TOPIC', 'cluster-changes', 'rows by lead cluster'),
    joinState: ownTopic('LEAD_WEBHOOKS_JOIN_STATE_TOPIC', 'join-state', 'what was emitted last for each lead'),
    outbound: ownTopic('LEAD_WEBHOOKS_OUTBOUND_TOPIC', 'outbound', 'the payloads, by lead'),
    deliveryState: ownTopic('LEAD_WEBHOOKS_DELIVERY_STATE_TOPIC', 'delivery-state', 'pending deliveries and marks'),
    endpointHealth: ownTopic('LEAD_WEBHOOKS_ENDPOINT_HEALTH_TOPIC', 'endpoint-health', 'pauses of endpoints'),
    redrives: ownTopic('LEAD_WEBHOOKS_REDRIVES_TOPIC', 'redrives', 'requests to deliver again'),
    meta: ownTopic('LEAD_WEBHOOKS_META_TOPIC', 'meta', 'facts of the application, such as its first start'),
    deadLetters: ownTopic('LEAD_WEBHOOKS_DEAD_LETTERS_TOPIC', 'dead-letters', 'what could not be used or delivered'),
  },
  layout: {
    partitions: setting(
      'LEAD_WEBHOOKS_PARTITIONS',
      integer(1, 10_000),
      '12',
      'Partitions of `cluster-changes` and `join-state`. For `topics apply`; checked at start. Cannot be changed later.',
    ),
    outboundPartitions: setting(
      'LEAD_WEBHOOKS_OUTBOUND_PARTITIONS',
      integer(1, 10_000),
      '12',
      'Partitions of `outbound` and of what deliver keeps. For `topics apply`; checked at start. Cannot be changed later.',
    ),
    replicationFactor: setting(
      'LEAD_WEBHOOKS_REPLICATION_FACTOR',
      integer(1, 15),
      '3',
      'Copies of each own topic, for `topics apply`.',
    ),
  },
  payload: {
    versions: setting(
      'LEAD_WEBHOOKS_PAYLOAD_VERSIONS',
      someOf('v1', 'v2', 'v3'),
      'v1,v2,v3',
      'Payload versions to emit.',
    ),
    framing: setting(
      'LEAD_WEBHOOKS_OUTBOUND_FRAMING',
      oneOf('registry', 'plain'),
      'registry',
      'Whether the outbound value starts with the five bytes that name its registered schema, or is the bare JSON.',
    ),
  },
  tasks: {
    sessionTimeoutMs: measured(
      'ms',
      setting(
        'LEAD_WEBHOOKS_SESSION_TIMEOUT_MS',
        integer(1_000, 1_800_000),
        '30000',
        'After this long without a heartbeat the group gives the work of a process to others.',
      ),
    ),
    transactionTimeoutMs: measured(
      'ms',
      setting(
        'LEAD_WEBHOOKS_TRANSACTION_TIMEOUT_MS',
        integer(1_000, 900_000),
        '15000',
        'After this long the broker aborts an open transaction. A hung process can hold back readers for as long.',
      ),
    ),
    stallTimeoutMs: measured(
      'ms',
      setting(
        'LEAD_WEBHOOKS_STALL_TIMEOUT_MS',
        integer(5_000, 3_600_000),
        '60000',
        'A process ends, to be started again, when a task has input and commits nothing for this long, or its input stands still.',
      ),
    ),
    commitIntervalMs: measured(
      'ms',
      setting(
        'LEAD_WEBHOOKS_COMMIT_INTERVAL_MS',
        integer(0, 60_000),
        '25',
        'Least time between the starts of two transactions of a task.',
      ),
    ),
    batchRecordsMax: measured(
      'records',
      setting('LEAD_WEBHOOKS_BATCH_RECORDS_MAX', integer(1, 100_000), '2000', 'Most input records of one transaction.'),
    ),
    queueBytesMax: measured(
      'bytes',
      setting(
        'LEAD_WEBHOOKS_QUEUE_BYTES_MAX',
        integer(65_536, 4_294_967_296),
        '16777216',
        'Input that a task keeps ready; above it fetching pauses.',
      ),
    ),
  },
  rekey: {
    rowCacheBytes: measured(
      'bytes',
      setting(
        'LEAD_WEBHOOKS_ROW_CACHE_BYTES',
        integer(0, 17_179_869_184),
        '268435456',
        'Memory for recent rows, by which rekey fills in unavailable values without reading them back: of all partitions together, each task has an equal part.',
      ),
    ),
  },
  join: {
    clusterRowsMax: measured(
      'rows',
      setting(
        'LEAD_WEBHOOKS_CLUSTER_ROWS_MAX',
        integer(1, 1_000_000),
        '1000',
        'A cluster with more rows is not announced until it shrinks.',
      ),
    ),
  },
  deliver: {
    endpointsFile: optional(
      'LEAD_WEBHOOKS_ENDPOINTS_FILE',
      plainText,
      'Path of the YAML file that defines the endpoints. Read again when it or a secret in a file changes.',
    ),
    endpointsTopic: optional(
      'LEAD_WEBHOOKS_ENDPOINTS_TOPIC',
      topic,
      'Compacted topic that defines endpoints, beside the file or instead of it. Somebody else makes and fills it.',
    ),
    topicAddresses: optional(
      'LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES',
      addressRanges,
      'What `allow.addresses` may name at most in the endpoints topic; none = endpoints of the topic reach public addresses only.',
    ),
    topicSecretsDir: optional(
      'LEAD_WEBHOOKS_ENDPOINTS_TOPIC_SECRETS_DIR',
      plainText,
      'Folder whose files the endpoints topic may name as secrets; none = it may name no files.',
    ),
    sealKeys: optional('LEAD_WEBHOOKS_SEAL_KEY', sealKeys, 'Opens sealed secrets of endpoints.', SECRET),
    inFlightMax: measured(
      'requests',
      setting(
        'LEAD_WEBHOOKS_DELIVER_IN_FLIGHT_MAX',
        integer(1, 100_000),
        '1000',
        'Requests to all endpoints together that a process has in flight; while it is reached, endpoints take turns. Those without an answer for a second do not count, up to as many again.',
      ),
    ),
    pendingBytesMax: measured(
      'bytes',
      setting(
        'LEAD_WEBHOOKS_DELIVER_PENDING_BYTES_MAX',
        integer(1_048_576, 68_719_476_736),
        '536870912',
        'Memory for the pending deliveries of all partitions together, so that one process can take them all over: payloads packed, and what is known of each. Each task has an equal part of it; beyond it a delivery becomes a dead letter (`backlog`).',
      ),
    ),
    pendingBytesPerEndpointMax: measured(
      'bytes',
      setting(
        'LEAD_WEBHOOKS_DELIVER_PENDING_BYTES_PER_ENDPOINT_MAX',
        integer(1_048_576, 68_719_476_736),
        '402653184',
        'The same limit for one endpoint.',
      ),
    ),
    endpointLabelsMax: measured(
      'endpoints',
      setting(
        'LEAD_WEBHOOKS_ENDPOINT_LABELS_MAX',
        integer(0, 100_000),
        '100',
        'Endpoints with metrics of their own; further ones are counted together, as `other`.',
      ),
    ),
    windowRecords: measured(
      'records',
      setting(
        'LEAD_WEBHOOKS_DELIVER_WINDOW_RECORDS',
        integer(1, 1_000_000),
        '2000',
        'How far, per task, sending may run ahead of the stored position. It bounds the duplicates after a crash.',
      ),
    ),
    windowBytes: measured(
      'bytes',
      setting(
        'LEAD_WEBHOOKS_DELIVER_WINDOW_BYTES',
        integer(65_536, 4_294_967_296),
        '16777216',
        'How many bytes of records a task holds that are being sent or wait for a turn. After a restart one body of each lead in the window is held, whatever this says.',
      ),
    ),
  },
  admin: {
    host: setting(
      'LEAD_WEBHOOKS_ADMIN_HOST',
      plainText,
      '127.0.0.1',
      'Address to listen on for `/livez`, `/readyz` and `/metrics` (0.0.0.0 in the image).',
    ),
    port: setting('LEAD_WEBHOOKS_ADMIN_PORT', integer(0, 65_535), '8080', 'Port of the same; 0 = any free one.'),
  },
  log: {
    level: setting(
      'LEAD_WEBHOOKS_LOG_LEVEL',
      oneOf('debug', 'info', 'warn', 'error'),
      'info',
      'Least level that is logged.',
    ),
  },
} as const;

/** All settings in the order of the table. */
export function allSettings(): readonly Setting<unknown>[] {
  return Object.values(SETTINGS).flatMap((group) => Object.values(group) as Setting<unknown>[]);
}

/** Every name that may stand in the environment, `_FILE` twins included. */
export function knownNames(): readonly string[] {
  return allSettings().flatMap(({ env, fileTwin }) => (fileTwin ? [env, `${env}_FILE`] : [env]));
}
