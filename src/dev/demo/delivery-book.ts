/**
 * Every request that the demo's receiver got, together with what the outbound topic says about the payload: its cause, and
 * when the change was committed. The two come by different ways and in any order; a request is *told* when both are there.
 * It also keeps the figures of the summary. It asserts nothing about what it hears: story-check.ts does.
 */
import type { OutboundRecord } from '../../core/delivery.ts';
import type { Received } from '../receiver.ts';
import { Watchers } from '../watchers.ts';

/** A request at the receiver. */
export interface ToldDelivery {
  readonly request: Received;
  readonly cause: OutboundRecord['cause'];
  /** From the commit of the change to the complete request, ms; null when the commit time is not known. */
  readonly afterMs: number | null;
  /** It had to wait: it is a retry, or the request before it at the endpoint and of the lead failed. */
  readonly waited: boolean;
}

export interface Figures {
  /** Requests that were accepted. */
  readonly deliveries: number;
  /** Requests that were attempts after the first. */
  readonly retried: number;
  /** Of requests that were accepted at the first attempt and had not to wait, ms; null without one. */
  readonly p50: number | null;
  readonly p99: number | null;
}

/** Announcements kept for requests that may still come; the oldest go first. */
const ANNOUNCED_MAX = 20_000;

export class DeliveryBook {
  /** Called once for each request, when everything about it is known. */
  onTold: (delivery: ToldDelivery) => void = () => undefined;
  readonly #announced = new Map<string, OutboundRecord>();
  readonly #waiting = new Map<string, Received[]>();
  readonly #told: Received[] = [];
  /** Whether the last request of a pair was accepted. */
  readonly #lastAccepted = new Map<string, boolean>();
  readonly #latencies: number[] = [];
  readonly #watchers = new Watchers();
  #deliveries = 0;
  #retried = 0;

  /** Takes a record of the outbound topic. */
  announced(record: OutboundRecord): void {
    const key = keyOf(record.leadId, record.version, record.revision);
    this.#announced.set(key, record);
    if (this.#announced.size > ANNOUNCED_MAX) {
      for (const oldest of this.#announced.keys()) {
        this.#announced.delete(oldest);
        break;
      }
    }
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const request of waiting ?? []) this.#tell(request, record);
  }

  /** Takes a request that was answered. */
  posted(request: Received): void {
    const key = keyOf(request.leadId, request.version, request.revision);
    const record = this.#announced.get(key);
    if (record !== undefined) this.#tell(request, record);
    else this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), request]);
  }

  /** The requests told so far, in the order of telling. */
  get told(): readonly Received[] {
    return this.#told;
  }

  get figures(): Figures {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return {
      deliveries: this.#deliveries,
      retried: this.#retried,
      p50: percentile(sorted, 50),
      p99: percentile(sorted, 99),
    };
  }

  /** Resolves when `holds` is true; looked at after each request told. Rejects with the reason of `signal` when that aborts. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return this.#watchers.until(holds, signal);
  }

  #tell(request: Received, { cause, changedAt }: OutboundRecord): void {
    const pair = `${request.path} ${request.leadId}`;
    const waited = request.attempt > 1 || this.#lastAccepted.get(pair) === false;
    const afterMs = changedAt === null ? null : request.at - changedAt;
    const good = wasAccepted(request);
    this.#lastAccepted.set(pair, good);
    if (good) this.#deliveries += 1;
    if (request.attempt > 1) this.#retried += 1;
    if (good && !waited && afterMs !== null) this.#latencies.push(afterMs);
    this.#told.push(request);
    this.onTold({ request, cause, afterMs, waited });
    this.#watchers.notify();
  }
}

/** Whether a request was answered with 2xx. */
export function wasAccepted({ status }: Received): boolean {
  return status >= 200 && status <= 299;
}

/** The value below which `percent` of `sorted` lie, by the nearest rank; null of nothing. */
export function percentile(sorted: readonly number[], percent: number): number | null {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null;
}

function keyOf(leadId: string, version: string, revision: number): string {
  return `${leadId} ${version} ${revision}`;
}
