/**
 * What a deliver process that was killed may cause to be sent again, and nothing else: what a receiver has accepted and no committed word
 * of `delivery-state` covers. That is records within the send window of the stored position, and pending deliveries that are not settled.
 */

import { DeliveryView } from '../../src/kafka/delivery-view.ts';
import { decodeDeliverPosition } from '../../src/kafka/internal-codec.ts';
import type { Installation } from './installation.ts';

export interface Killed {
  readonly endpoint: string;
  readonly version: string;
  /** Partitions that the process had; absent = all. */
  readonly partitions?: readonly number[];
}

/**
 * So many deliveries of one endpoint are accepted and not covered now. Call it between a kill and the next start.
 * @param isAccepted whether the receiver has accepted this revision of the lead, or a later one.
 */
export async function uncovered(
  installation: Installation,
  { endpoint, version, partitions }: Killed,
  isAccepted: (leadId: string, revision: number) => boolean,
): Promise<number> {
  const isOf = (partition: number): boolean => partitions?.includes(partition) ?? true;
  const windows = new Map<number, { from: number; to: number }>();
  const view = new DeliveryView({ wanted: ({ endpointId }) => endpointId === endpoint, bodies: false });
  await installation.read(installation.topic('delivery-state'), (record) => {
    view.take(record);
    if (record.key?.toString() !== 'position' || record.value === null) return;
    const { nextOffset, sentBound } = decodeDeliverPosition(record.value);
    windows.set(record.partition, { from: nextOffset, to: sentBound });
  });
  const open = new Set<string>();
  for (const { key, delivery, partition } of view.pending) {
    if (isOf(partition)) open.add(`${key.leadId} ${delivery.record.revision}`);
  }
  await installation.read(
    installation.topic('outbound'),
    ({ key, partition, offset, headers }) => {
      const window = windows.get(partition);
      if (!window || !isOf(partition) || offset < window.from || offset >= window.to) return;
      if (headers['version']?.toString() === version) open.add(`${key} ${headers['revision']}`);
    },
    { from: new Map(Array.from(windows, ([partition, { from }]) => [partition, from])) },
  );
  return [...open].filter((one) => {
    const [leadId = '', revision] = one.split(' ');
    return isAccepted(leadId, Number(revision));
  }).length;
}
