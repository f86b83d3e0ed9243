/** What commands see of delivery-state: the last record of each key, bodies on request alone. */
import { expect, test } from 'vitest';
import { factsOf, type PendingDelivery } from '../../src/core/delivery.ts';
import { DeliveryView } from '../../src/kafka/delivery-view.ts';
import { encodeDeliverPosition, encodeMark, encodePending } from '../../src/kafka/internal-codec.ts';
import { outbound } from '../support/deliver-world.ts';
import { pendingDelivery } from '../support/pending-delivery.ts';

const BODY = Buffer.from('{"id":1}');
const pending = (revision: number, dueAt = 5): PendingDelivery =>
  pendingDelivery({ record: factsOf(outbound({ leadId: '1', revision })), value: BODY, dueAt });
const record = (key: string, value: Buffer | null, partition = 0) => ({ key: Buffer.from(key), value, partition });
const view = (more: Partial<ConstructorParameters<typeof DeliveryView>[0]> = {}): DeliveryView =>
  new DeliveryView({ wanted: () => true, bodies: false, ...more });

test('the last record of a key counts, and a null value takes it away', () => {
  const seen = view();
  seen.take(record('crm|1|pending', encodePending(pending(4))));
  seen.take(record('crm|1|pending', encodePending(pending(5))));
  seen.take(record('crm|2|pending', encodePending(pending(1, 2))));
  seen.take(record('crm|1|dead', encodeMark({ kind: 'dead', revision: 3, expiresAt: 9 })));
  seen.take(record('crm|1|seen', encodeMark({ kind: 'seen', revision: 3, expiresAt: 9 })));
  seen.take(record('crm|1|seen', null));
  expect(seen.pending.map(({ key, delivery }) => [key.leadId, delivery.record.revision])).toEqual([
    ['2', 1],
    ['1', 5],
  ]);
  expect(seen.marks.map(({ mark }) => mark.kind)).toEqual(['dead']);
  seen.take(record('crm|2|pending', null));
  expect([seen.pendingOf('crm', '2'), seen.deliveredSince('crm', '1'), seen.deliveredSince('crm', '2')]).toEqual([
    [],
    3,
    null,
  ]);
});

test('several revisions of a lead are shown in their order', () => {
  const seen = view();
  for (const revision of [7, 6]) seen.take(record(`crm|1|pending|${revision}`, encodePending(pending(revision))));
  expect(seen.pendingOf('crm', '1').map(({ delivery }) => delivery.record.revision)).toEqual([6, 7]);
});

test('bodies are kept on request alone, their size always', () => {
  for (const [bodies, kept] of [
    [false, null],
    [true, BODY],
  ] as const) {
    const seen = view({ bodies });
    seen.take(record('crm|1|pending', encodePending(pending(4))));
    expect(seen.pending.map(({ bytes, value }) => [bytes, value])).toEqual([[BODY.length, kept]]);
  }
});

test('what is not wanted and what has another form is passed over', () => {
  const seen = view({ wanted: ({ endpointId }) => endpointId === 'crm' });
  seen.take(record('erp|1|pending', encodePending(pending(4))));
  seen.take(record('crm|1|of-later', Buffer.from('later')));
  expect([seen.pending, seen.marks]).toEqual([[], []]);
});

test('how far a task has read its redrives is told by partition', () => {
  const seen = view();
  const position = { nextOffset: 1, sentBound: 1, released: true, owner: null, redrives: 17, lastTimestamp: 0 };
  seen.take(record('position', encodeDeliverPosition(position), 3));
  expect([seen.redrivesRead(3), seen.redrivesRead(0)]).toEqual([17, 0]);
});
