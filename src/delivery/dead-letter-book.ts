/** Why deliveries become dead letters, and where that is written down: the next commit, the pair's mark, the report. */
import { type DeadLetter, type DeadLetterCode, factsOf, type PendingDelivery } from '../core/delivery.ts';
import type { DeliveryReport } from './delivery-report.ts';
import type { Marks } from './marks.ts';
import type { StateWrites } from './state-writes.ts';

/** Why a delivery becomes a dead letter. */
export interface Why {
  readonly code: DeadLetterCode;
  /** A sentence without any value of the record. */
  readonly message: string;
}

export const REMOVED: Why = { code: 'endpoint-removed', message: 'endpoint is no longer defined' };
export const GONE: Why = {
  code: 'gone',
  message: 'endpoint answered 410 before, and its definition is still the same',
};
export const BACKLOG: Why = { code: 'backlog', message: 'too much is pending for this endpoint' };
export const BACKLOG_OF_ALL: Why = { code: 'backlog', message: 'too much is pending for all endpoints together' };

export class DeadLetterBook {
  readonly #books: { readonly marks: Marks; readonly writes: StateWrites };
  readonly #report: DeliveryReport;

  constructor(books: { readonly marks: Marks; readonly writes: StateWrites }, report: DeliveryReport) {
    this.#books = books;
    this.#report = report;
  }

  /** Writes a dead letter of `delivery` with the value of its record to an endpoint; `now` in ms. */
  write(
    endpointId: string,
    delivery: Omit<PendingDelivery, 'packed' | 'since' | 'dueAt' | 'lastCode'> & { readonly value: Buffer },
    { code, message, now }: Why & { now: number },
  ): void {
    const { value, attempts, firstFailureAt, lastFailureAt, lastStatus: status } = delivery;
    const record = { ...factsOf(delivery.record), value };
    const times = { firstFailureAt, lastFailureAt };
    const letter: DeadLetter = { record, endpointId, code, message, attempts, ...times, status };
    this.#books.writes.deadLetter(letter);
    this.#books.marks.bury(endpointId, record.leadId, now);
    this.#report.deadLetter(letter);
  }
}
