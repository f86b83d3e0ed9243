/** What a deliver task reads back when an endpoint's kind of queue has changed, and when the topic holds what is not its own. */
import { expect, test } from 'vitest';
import { factsOf } from '../../src/core/delivery.ts';
import { loadDeliverStart } from '../../src/kafka/deliver-start.ts';
import { encodePending } from '../../src/kafka/internal-codec.ts';
import { outbound } from '../support/deliver-world.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';
import { pendingDelivery } from '../support/pending-delivery.ts';

const PLACES = { partition: 0, outboundTopic: 'outbound', stateTopic: 'state', redrivesTopic: 'redrives' };

async function pendingAfter(state: readonly (readonly [key: string, revision: number])[]): Promise<number[]> {
  const kafka = new MemoryKafka();
  for (const [key, revision] of state) {
    const value = encodePending(pendingDelivery({ record: factsOf(outbound({ leadId: '5', revision })) }));
    kafka.append({ topic: 'state', partition: 0, key, value });
  }
  const { start } = await loadDeliverStart(kafka, new AbortController().signal, PLACES);
  return Array.from(start.pending, ({ delivery }) => delivery.record.revision);
}

test('several deliveries of a pair come in the order of their revisions, under whatever key each was kept', async () => {
  const state = [
    ['crm|5|pending|9', 9],
    ['crm|5|pending', 10],
    ['crm|5|pending|11', 11],
    ['crm|5|pending|2', 2],
  ] as const;
  expect(await pendingAfter(state)).toEqual([2, 9, 10, 11]);
});

test('a key that is longer than any of ours is passed over', async () => {
  expect(
    await pendingAfter([
      [`crm|${'5'.repeat(300)}|pending`, 1],
      ['crm|5|pending', 2],
    ]),
  ).toEqual([2]);
});
