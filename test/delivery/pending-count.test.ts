import { expect, test } from 'vitest';
import { BACKLOG, DeadLetterBook } from '../../src/delivery/dead-letter-book.ts';
import { DeliveryReport } from '../../src/delivery/delivery-report.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { Marks } from '../../src/delivery/marks.ts';
import { newDelivery, Pair } from '../../src/delivery/pair.ts';
import { PendingCount } from '../../src/delivery/pending-count.ts';
import { StateWrites } from '../../src/delivery/state-writes.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { outbound, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function world() {
  const meter = new CountingMeter();
  const lanes = new Lanes(
    [testEndpoint()],
    { log: silentLog, meter, clock: new VirtualClock() },
    { pendingBytesMax: 30 },
  );
  const lane = lanes.get('crm');
  if (!lane) throw new Error('the endpoint has a lane');
  const pair = new Pair({ key: 'crm|1', lane, leadId: '1' }, () => false);
  return { meter, lanes, lane, delivery: newDelivery(pair, outbound({ value: Buffer.alloc(20) }), 5) };
}

test('what is pending in a task counts for its lane and for the process, until the task has another owner', () => {
  const { meter, lanes, lane, delivery } = world();
  const count = new PendingCount();
  count.add(delivery);
  count.add(delivery);
  count.remove(delivery);
  count.tellOldest(new Map([[lane, 5000]]));
  expect([count.bytes(lane), lanes.hasRoomFor(10), lanes.hasRoomFor(11)]).toEqual([20, true, false]);
  expect([meter.counts.get('pending crm'), meter.counts.get('pending_since_seconds crm')]).toEqual([1, 5]);
  count.clear();
  expect([count.bytes(lane), lanes.hasRoomFor(30)]).toEqual([0, true]);
  expect([meter.counts.get('pending crm'), meter.counts.get('pending_since_seconds crm')]).toEqual([0, 0]);
});

test('a dead letter is written by the next commit, with the mark that lets it be redriven', () => {
  const { meter, delivery } = world();
  const books = { marks: new Marks({ seenMs: 1, doneMs: 1, deadMs: 1000 }), writes: new StateWrites() };
  const book = new DeadLetterBook(books, new DeliveryReport({ log: silentLog, meter }));
  book.write('crm', { ...delivery, attempts: 2, lastStatus: 503 }, { ...BACKLOG, now: 10 });
  expect(books.writes.plan().deadLetters).toMatchObject([
    { endpointId: 'crm', code: 'backlog', attempts: 2, status: 503, record: { revision: 1 } },
  ]);
  expect(books.marks.plan(10)).toMatchObject([{ key: { suffix: 'dead', leadId: '1' }, mark: { expiresAt: 1010 } }]);
  expect(meter.counts.get('dead_letters_total deliver backlog')).toBe(1);
});
