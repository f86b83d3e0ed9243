/** What is pending in a task: packed, counted, limited. */
import { expect, test } from 'vitest';
import { Backlog, BESIDE_BYTES } from '../../src/delivery/backlog.ts';
import { BACKLOG, BACKLOG_OF_ALL, DeadLetterBook } from '../../src/delivery/dead-letter-book.ts';
import { DeliveryReport } from '../../src/delivery/delivery-report.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { Marks } from '../../src/delivery/marks.ts';
import { PackedValues } from '../../src/delivery/packed-values.ts';
import { type Delivery, newDelivery, Pair, recordValue } from '../../src/delivery/pair.ts';
import { StateWrites } from '../../src/delivery/state-writes.ts';
import { packing } from '../../src/kafka/body-compression.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { outbound, testEndpoint } from '../support/deliver-world.ts';
import { pendingDelivery } from '../support/pending-delivery.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** As it would be kept: the value as it is. */
const unpacked = { pack: (value: Buffer) => value, unpack: (value: Buffer) => Buffer.from(value) };
const SIZE = BESIDE_BYTES + 20;

function world(limits: { all?: number; endpoint?: number } = {}) {
  const meter = new CountingMeter();
  const lanes = new Lanes([testEndpoint()], { log: silentLog, meter, clock: new VirtualClock() });
  const lane = lanes.get('crm');
  if (!lane) throw new Error('the endpoint has a lane');
  const values = new PackedValues(unpacked);
  const { all = 10 * SIZE, endpoint = 10 * SIZE } = limits;
  const backlog = new Backlog(values, { pendingBytesMax: all, pendingBytesPerEndpointMax: endpoint });
  const pair = new Pair({ key: 'crm|1', lane, leadId: '1' }, () => false);
  const delivery = (): Delivery => newDelivery(pair, outbound({ value: Buffer.alloc(20, 7) }), 5);
  return { meter, lane, values, backlog, pair, delivery };
}

test('what is pending in a task counts for its lane, until the task has another owner', () => {
  const { meter, lane, backlog, pair, delivery } = world();
  const first = delivery();
  backlog.take(first, false);
  backlog.take(delivery(), false);
  backlog.restore(pair, pendingDelivery({ packed: Buffer.alloc(20) }), null);
  backlog.leave(first);
  backlog.tellOldest(new Map([[lane, 5000]]));
  expect(backlog.bytes(lane)).toBe(2 * SIZE);
  expect([meter.counts.get('pending crm'), meter.counts.get('pending_since_seconds crm')]).toEqual([2, 5]);
  backlog.clear();
  expect(backlog.bytes(lane)).toBe(0);
  expect([meter.counts.get('pending crm'), meter.counts.get('pending_since_seconds crm')]).toEqual([0, 0]);
});

test.each([
  [{ endpoint: SIZE }, BACKLOG],
  [{ all: SIZE }, BACKLOG_OF_ALL],
])('beyond a limit (%o) nothing is taken, it is told which one, and what was offered is as it was', (limits, full) => {
  const { backlog, lane, values, delivery } = world(limits);
  expect(backlog.take(delivery(), false)).toBeNull();
  const second = delivery();
  expect(backlog.take(second, false)).toBe(full);
  expect([second.pending, second.value, values.count, backlog.bytes(lane)]).toEqual([
    false,
    Buffer.alloc(20, 7),
    1,
    SIZE,
  ]);
  expect(backlog.take(second, true)).toBeNull();
});

test('what is pending is the same when it is unpacked, and needs no memory when all have left', () => {
  const values = new PackedValues(packing);
  const kept = [outbound({ leadId: '1' }), outbound({ leadId: '2' })].map(({ value }) => values.keep(value));
  const bodies = kept.map((address) => values.value(address).toString());
  expect(bodies).toEqual([outbound({ leadId: '1' }), outbound({ leadId: '2' })].map(({ value }) => value.toString()));
  const [first = 0, second = 0] = kept;
  values.drop(first);
  expect(values.keepPacked(values.packed(second))).not.toBe(second);
  expect(values.count).toBe(2);
});

test('when most of much memory is not needed any more it is given back, and what stays is as it was', () => {
  const { backlog, values, pair, delivery } = world({ all: 2 ** 30, endpoint: 2 ** 30 });
  const many = Array.from({ length: 6_000 }, (_, at) => ({ ...delivery(), value: Buffer.alloc(4_000, at % 251) }));
  for (const one of many) backlog.take(one, false);
  const left = many.filter((_, at) => at % 10 === 0);
  for (const [at, one] of many.entries()) if (at % 10 !== 0) backlog.leave(one);
  expect(values.wasteful).toBe(true);
  pair.later = left;
  backlog.compact([pair]);
  expect([values.wasteful, values.count]).toEqual([false, 600]);
  expect(left.every((one, at) => recordValue(one, values).equals(Buffer.alloc(4_000, (at * 10) % 251)))).toBe(true);
});

test('of a pending delivery the value as it was read is not held any more', () => {
  const { backlog, values, delivery } = world();
  const taken = delivery();
  backlog.take(taken, false);
  expect([typeof taken.value, 'value' in taken.record, recordValue(taken, values)]).toEqual([
    'number',
    false,
    Buffer.alloc(20, 7),
  ]);
});

test('a dead letter is written by the next commit, with the mark that lets it be redriven', () => {
  const { meter, values, delivery } = world();
  const books = { marks: new Marks({ seenMs: 1, doneMs: 1, deadMs: 1000 }), writes: new StateWrites(values) };
  const book = new DeadLetterBook(books, new DeliveryReport({ log: silentLog, meter }));
  const value = Buffer.alloc(20, 7);
  book.write('crm', { ...delivery(), value, attempts: 2, lastStatus: 503 }, { ...BACKLOG, now: 10 });
  expect(books.writes.plan().deadLetters).toMatchObject([
    { endpointId: 'crm', code: 'backlog', attempts: 2, status: 503, record: { revision: 1, value } },
  ]);
  expect(books.marks.plan(10)).toMatchObject([{ key: { suffix: 'dead', leadId: '1' }, mark: { expiresAt: 1010 } }]);
  expect(meter.counts.get('dead_letters_total deliver backlog')).toBe(1);
});
