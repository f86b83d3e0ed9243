/** What of the dispatch is not seen through the deliverer: leftovers in memory, and failures in a row. */
import { expect, test, vi } from 'vitest';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { Dispatch } from '../../src/delivery/dispatch.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { Marks } from '../../src/delivery/marks.ts';
import { PackedValues } from '../../src/delivery/packed-values.ts';
import type { Delivery } from '../../src/delivery/pair.ts';
import { SendWindow, type Slot } from '../../src/delivery/send-window.ts';
import { StateWrites } from '../../src/delivery/state-writes.ts';
import { packing } from '../../src/kafka/body-compression.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { OK, outbound, settled, status, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function dispatchAnswering(...results: (typeof OK)[]) {
  const clock = new VirtualClock();
  const lanes = new Lanes([testEndpoint()], { log: silentLog, meter: silentMeter, clock });
  const lane = lanes.get('crm');
  if (!lane) throw new Error('the endpoint has a lane');
  const values = new PackedValues(packing);
  const books = {
    window: new SendWindow(0),
    marks: new Marks({ seenMs: 1, doneMs: 1, deadMs: 1 }),
    writes: new StateWrites(values),
    values,
  };
  const post = () => Promise.resolve(results.shift() ?? OK);
  const deps = { lanes, post, clock, random: () => 1, log: silentLog, meter: silentMeter };
  const dispatch = new Dispatch(
    deps,
    { ...books, changed: () => undefined },
    { pendingBytesMax: 2000, pendingBytesPerEndpointMax: 2000, pendingAfterMs: 1000 },
  );
  const accept = (offset: number, revision: number, leadId = '1'): Delivery | undefined => {
    const times = { takenAt: clock.now(), enteredAt: clock.monotonic() };
    const slot: Slot = { offset, bytes: 1, ...times, deliveries: [], count: 0, seen: null, open: 0 };
    dispatch.accept(lane, outbound({ offset, revision, leadId }), slot);
    books.window.admit(slot);
    return slot.deliveries[0];
  };
  return { clock, dispatch, accept, lane, writes: books.writes };
}

test('nothing starts before open, and nothing after stop', async () => {
  const { dispatch, accept } = dispatchAnswering();
  accept(0, 1);
  expect(dispatch.inFlight).toBe(0);
  dispatch.open();
  expect(dispatch.inFlight).toBe(1);
  await dispatch.stop();
  accept(1, 2);
  expect(dispatch.inFlight).toBe(0);
});

test('the backoff goes on growing when newer revisions take the place of one that fails', async () => {
  const { clock, dispatch, accept, writes } = dispatchAnswering(status(500), status(500));
  dispatch.open();
  const first = accept(0, 1);
  await settled();
  expect(first?.dueAt).toBe(clock.now() + 5000);
  const second = accept(1, 2);
  clock.advance(5000);
  await settled();
  expect(second).toMatchObject({ attempts: 1, failures: 2, dueAt: clock.now() + 10_000 });
  expect(writes.plan().pending).toMatchObject([{ delivery: { record: { revision: 2 } } }]);
});

test('a life that is abandoned takes all of its own out of the queue of a lane that is held', () => {
  const { dispatch, accept, lane } = dispatchAnswering();
  lane.learn({ ...HEALTHY, operator: { paused: true, at: 1 } });
  const enqueue = vi.spyOn(lane, 'enqueue');
  const withdraw = vi.spyOn(lane, 'withdraw');
  dispatch.open();
  for (let lead = 0; lead < 3; lead += 1) accept(lead, 1, String(lead));
  void dispatch.abandon();
  const queued = enqueue.mock.calls.map(([member]) => member);
  const leaves = withdraw.mock.calls[0]?.[0];
  expect(queued.map((member) => leaves?.(member))).toEqual([true, true, true]);
  expect(leaves?.({ begin: () => false, dismissed: () => undefined })).toBe(false);
});
