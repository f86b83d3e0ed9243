/**
 * A subscriber of the outbound topic as any other: reads what is committed, from the start on, for as long as it is open. For
 * the demo and tests that want to know what was announced.
 */
import type { OutboundRecord } from '../core/delivery.ts';
import type { createKafka } from '../kafka/client.ts';
import { Fetcher } from '../kafka/fetcher.ts';
import { readOutbound } from '../kafka/outbound-record.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

export interface OutboundReaderDeps {
  readonly kafka: ReturnType<typeof createKafka>;
  readonly clock: Clock;
  readonly log: Log;
}

export class OutboundReader {
  readonly #fetcher: Fetcher;

  /** Opens nothing yet. */
  constructor(deps: OutboundReaderDeps) {
    this.#fetcher = new Fetcher(deps);
  }

  /**
   * Begins to read; records of one lead come in their order.
   * @param onFailed called when a partition cannot be read any more, or holds a record that is none of ours.
   */
  start(
    at: { readonly topic: string; readonly partitions: number },
    onRecord: (record: OutboundRecord) => void,
    onFailed: (error: Error) => void,
  ): void {
    for (let partition = 0; partition < at.partitions; partition += 1) {
      this.#fetcher.subscribe(
        { topic: at.topic, partition, offset: 0 },
        {
          deliver({ records }) {
            for (const record of records) {
              const read = readOutbound(record);
              if ('wrong' in read) onFailed(new Error(`${at.topic}/${partition}: ${read.wrong}`));
              else onRecord(read);
            }
          },
          fail: onFailed,
        },
      );
    }
  }

  /** Stops reading and closes the connections. */
  async close(): Promise<void> {
    await this.#fetcher.stop();
  }
}
