/**
 * The upstream of compose.yaml, which has no database: `topics` makes the three source topics and ends; `stream` writes a lead with an
 * appointment and a test drive every two seconds until it is stopped. JSON without a schema, one flat row a record: the simplest of the
 * forms that the sources may have.
 */

import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { createKafka } from '../../src/kafka/client.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { silentLog } from '../../src/lib/log.ts';

const PAUSE_MS = 2_000;
const PARTITIONS = 4;
const kafka = createKafka({ brokers: [process.env['KAFKA_BROKERS'] ?? ''], clientId: 'compose-changes' }, silentLog);
const topicOf = (table: string): string => `dealerstudio.public.${table}`;

async function makeTopics(): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
  const topics = ['leads', 'appointments', 'test_drives'].map((table) => ({
    topic: topicOf(table),
    numPartitions: PARTITIONS,
    replicationFactor: 1,
    configEntries,
  }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.disconnect();
}

/** The rows of one cluster, as their tables hold them. */
function rowsOf(cluster: number, now: string): Record<string, { id: number } & Record<string, unknown>> {
  const common = { lead_cluster_id: cluster, created_at: now, updated_at: now, deleted_at: null };
  return {
    test_drives: {
      ...common,
      id: cluster,
      stock_car_id: cluster,
      stock_car_display_name: '2018 Subaru Forester Sport',
    },
    appointments: {
      ...common,
      id: cluster,
      purpose: 'Test Drive',
      status: 'pending',
      starts_at: now,
      schedulable_type: 'TestDrive',
      schedulable_id: cluster,
    },
    leads: {
      ...common,
      id: 138_000 + cluster,
      category: 'Sell My Car Enquiry',
      source: 'Website',
      dealership: { id: 3, name: 'Orange Motor Group', slug: 'orange-motor-group', time_zone: 'Australia/Brisbane' },
    },
  };
}

async function stream(signal: AbortSignal): Promise<void> {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let cluster = Math.floor(Date.now() / 1_000) % 1_000_000; !signal.aborted; cluster++) {
    for (const [table, row] of Object.entries(rowsOf(cluster, new Date().toISOString()))) {
      const messages = [{ key: JSON.stringify({ id: row.id }), value: JSON.stringify(row) }];
      await producer.send({ topic: topicOf(table), messages });
    }
    process.stdout.write(`changes: lead ${138_000 + cluster} with an appointment and a test drive\n`);
    await pause(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  await producer.disconnect();
}

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
if (process.argv[2] === 'topics') await makeTopics();
else await stream(stop.signal);
