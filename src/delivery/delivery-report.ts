/**
 * What the deliverer tells its operators: counters, durations and log lines about deliveries. In one place, so that what must
 * never be shown (bodies, header values, lead fields) can be checked here. Decides nothing.
 */
import type { AttemptResult, Outcome } from '../core/attempt.ts';
import type { DeadLetter } from '../core/delivery.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { OTHER } from './endpoint-meter.ts';
import type { Delivery } from './pair.ts';
import type { RedriveOutcome } from './redrive-rules.ts';

export class DeliveryReport {
  readonly #log: Log;
  readonly #meter: Meter;

  constructor(deps: { log: Log; meter: Meter }) {
    this.#log = deps.log;
    this.#meter = deps.meter;
  }

  /** A record was not taken: its revision is not newer than one seen, or the endpoint has had the lead. */
  stale(endpoint: string): void {
    this.#meter.count('stale_total', { endpoint });
  }

  /** A newer revision took a delivery's place. */
  superseded(endpoint: string): void {
    this.#meter.count('superseded_total', { endpoint });
  }

  /** What became of a redrive request. An endpoint that is not defined gets no series: anybody's word could make ever more of them. */
  redrive(endpoint: string, outcome: RedriveOutcome): void {
    this.#meter.count('redrives_total', { endpoint: outcome === 'no-endpoint' ? OTHER : endpoint, outcome });
  }

  /** An attempt ended; times in ms since the epoch. */
  attempt(delivery: Delivery, outcome: Outcome, at: { now: number; startedAt: number; result: AttemptResult }): void {
    const { lane } = delivery.pair;
    const endpoint = lane.endpoint.id;
    const statusClass = outcome.status === null ? at.result.kind : `${Math.floor(outcome.status / 100)}xx`;
    this.#meter.count('attempts_total', { endpoint, outcome: outcome.kind, status_class: statusClass });
    this.#meter.observe('attempt_seconds', { endpoint }, (at.now - at.startedAt) / 1000);
    const delivered = outcome.kind === 'delivered';
    const { changedAt } = delivery.record;
    if (delivered && changedAt !== null) {
      this.#meter.observe('delivery_seconds', { endpoint }, Math.max(at.now - changedAt, 0) / 1000);
    }
    if (delivered || outcome.kind === 'retry') lane.note(delivered, outcome.code);
  }

  /** A delivery became a dead letter. */
  deadLetter({ endpointId, code, message, attempts, status, record }: DeadLetter): void {
    this.#meter.count('dead_letters_total', { stage: 'deliver', code });
    const fields = { event: 'dead_letter', endpoint: endpointId, code, attempts, status, offset: record.offset };
    this.#log.warn(fields, `delivery became a dead letter: ${message}`);
  }
}
