/**
 * Outbound records without the join: leads that are made, changed, moved and told late by their old cluster, in transactions of
 * which some are aborted, so that the log has holes. Quicker than the whole pipe, and wilder than what a join does.
 */
import { FIRST_MOVED_REVISION } from '../../src/core/delivery.ts';
import { partitionOf } from '../../src/core/partition.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import type { Chance } from './chance.ts';
import { TOPICS } from './deployment.ts';
import type { FakeKafka } from './fake-kafka.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export interface WriterSettings {
  readonly leads: number;
  readonly partitions: number;
  /** Transactions, and the mean milliseconds between two. */
  readonly transactions: number;
  readonly everyMs: number;
  readonly recordsMax: number;
  /** Probabilities: of a transaction that is aborted; of a change that is a move, or comes late from the old cluster. */
  readonly aborted: number;
  readonly move: number;
  readonly late: number;
  /** Probability of a change that announces its lead as created. */
  readonly created: number;
}

interface Lead {
  moves: number;
  n: number;
  /** The last n of the cluster before the last move. */
  lateN: number;
}

const PRODUCER = 'app.writer';
const TIMEOUT_MS = 60_000;

export class OutboundWriter {
  readonly #deps: { timeline: Timeline; kafka: FakeKafka; chance: Chance; trace: Trace };
  readonly #settings: WriterSettings;
  readonly #leads = new Map<string, Lead>();
  readonly #epoch: number;
  #left: number;

  constructor(deps: { timeline: Timeline; kafka: FakeKafka; chance: Chance; trace: Trace }, settings: WriterSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.#left = settings.transactions;
    this.#epoch = deps.kafka.initProducer(PRODUCER, TIMEOUT_MS);
    this.#later();
  }

  /** Whether nothing more will be written. */
  get done(): boolean {
    return this.#left === 0;
  }

  #later(): void {
    const { timeline, chance } = this.#deps;
    const { everyMs } = this.#settings;
    timeline.after(chance.happens(0.5) ? chance.between(0, 20) : chance.between(0, 4 * everyMs), () => {
      if (!this.#write()) return this.#later();
      this.#left--;
      if (this.#left > 0) this.#later();
    });
  }

  /** Returns false while the markers of the last transaction are on their way. */
  #write(): boolean {
    const { kafka, chance, trace } = this.#deps;
    const { recordsMax, aborted } = this.#settings;
    const isAborted = chance.happens(aborted);
    const records = Array.from({ length: 1 + chance.below(recordsMax) }, () => this.#record(isAborted));
    try {
      kafka.produce(PRODUCER, this.#epoch, records);
    } catch {
      return false;
    }
    kafka.endTransaction(PRODUCER, this.#epoch, isAborted ? 'abort' : 'commit');
    trace.note(`outbound: ${records.length} records${isAborted ? ', aborted' : ''}`);
    return true;
  }

  #record(isAborted: boolean): OutgoingRecord {
    const { chance } = this.#deps;
    const { leads, partitions, created } = this.#settings;
    const leadId = String(1 + chance.below(leads));
    const before = this.#leads.get(leadId);
    const { revision, lead } = this.#next(before ?? { moves: 0, n: 0, lateN: 0 });
    // What is aborted is told again under the same revision, as after a join that lost its transaction.
    if (!isAborted) this.#leads.set(leadId, lead);
    const cause = before === undefined || chance.happens(created) ? 'created' : 'changed';
    const headers = { version: 'v3', revision: String(revision), cause, 'dealership-id': '3', 'changed-at': '0' };
    const value = `{"id":${leadId},"revision":${revision}}`;
    return { topic: TOPICS.outbound, partition: partitionOf(leadId, partitions), key: leadId, value, headers };
  }

  #next(lead: Lead): { revision: number; lead: Lead } {
    const { chance } = this.#deps;
    const { move, late } = this.#settings;
    if (lead.n > 0 && chance.happens(move)) {
      return {
        revision: (lead.moves + 1) * FIRST_MOVED_REVISION,
        lead: { moves: lead.moves + 1, n: 0, lateN: lead.n },
      };
    }
    if (lead.moves > 0 && chance.happens(late)) {
      const lateN = lead.lateN + 1;
      return { revision: (lead.moves - 1) * FIRST_MOVED_REVISION + lateN, lead: { ...lead, lateN } };
    }
    const n = lead.n + 1;
    return { revision: lead.moves * FIRST_MOVED_REVISION + n, lead: { ...lead, n } };
  }
}
