/** What became of a redrive request, as delivery-state tells it. */
import { expect, test } from 'vitest';
import { fateOf } from '../../src/bin/redriving.ts';
import { factsOf } from '../../src/core/delivery.ts';
import { DeliveryView } from '../../src/kafka/delivery-view.ts';
import { encodeDeliverPosition, encodeMark, encodePending } from '../../src/kafka/internal-codec.ts';
import { outbound } from '../support/deliver-world.ts';
import { testLetter } from '../support/letters.ts';
import { pendingDelivery } from '../support/pending-delivery.ts';

const ASKED = { letter: testLetter({ revision: 5 }), request: { partition: 0, offset: 9 } };

function viewOf(state: { redrives: number; delivered?: number; pending?: number }): DeliveryView {
  const view = new DeliveryView({ wanted: () => true, bodies: false });
  const put = (key: string, value: Buffer): void => view.take({ key: Buffer.from(key), value, partition: 0 });
  const { redrives, delivered, pending } = state;
  put(
    'position',
    encodeDeliverPosition({ nextOffset: 1, sentBound: 1, released: false, owner: null, redrives, lastTimestamp: 0 }),
  );
  if (delivered !== undefined) put('crm|1|dead', encodeMark({ kind: 'dead', revision: delivered, expiresAt: 9 }));
  if (pending === undefined) return view;
  const record = factsOf(outbound({ leadId: '1', revision: pending }));
  put('crm|1|pending', encodePending(pendingDelivery({ record })));
  return view;
}

test.each([
  ['not-read', { redrives: 9, delivered: 5 }],
  ['delivered', { redrives: 10, delivered: 5 }],
  ['newer-delivered', { redrives: 10, delivered: 6 }],
  ['pending', { redrives: 10, delivered: -1, pending: 5 }],
  ['pending', { redrives: 10, delivered: -1, pending: 7 }],
  ['not-sent', { redrives: 10, delivered: 4 }],
  ['not-sent', { redrives: 10, delivered: 3, pending: 4 }],
] as const)('is %s for %j', (fate, state) => {
  expect(fateOf(viewOf(state), ASKED)).toBe(fate);
});
