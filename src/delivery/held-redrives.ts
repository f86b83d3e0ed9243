/**
 * Redrive requests that came before the window of the predecessor was read: what is newer than they are must be known before they
 * are judged. Their bodies are held, so only some are taken; the rest waits in Kafka.
 */
import type { RedriveRequest } from '../core/delivery.ts';

const BYTES_MAX = 4 * 1024 * 1024;

export class HeldRedrives {
  #requests: RedriveRequest[] = [];
  #bytes = 0;

  get empty(): boolean {
    return this.#requests.length === 0;
  }

  /** No more should be read for now. */
  get full(): boolean {
    return this.#bytes >= BYTES_MAX;
  }

  keep(requests: readonly RedriveRequest[]): void {
    for (const request of requests) {
      this.#requests.push(request);
      this.#bytes += request.record.value.length;
    }
  }

  /** All that are held, in their order; they are held no longer. */
  take(): readonly RedriveRequest[] {
    const requests = this.#requests;
    this.#requests = [];
    this.#bytes = 0;
    return requests;
  }
}
