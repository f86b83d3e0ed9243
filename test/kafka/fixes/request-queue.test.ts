import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { unfixed } from '../../support/unfixed-client.ts';

interface Queue {
  push(request: object): void;
  fulfillRequest(answer: object): void;
  maybeThrottle(ms: number): void;
  checkPendingRequests(): void;
  destroy(): void;
}
type QueueClass = new (options: object) => Queue;

function makeQueue(RequestQueue: QueueClass, maxInFlightRequests: number | null = null): Queue {
  return new RequestQueue({
    maxInFlightRequests,
    requestTimeout: 1_000,
    enforceRequestTimeout: false,
    clientId: 'c',
    broker: 'b',
    logger: { debug() {}, warn() {} },
  });
}

function request(correlationId: number, sent: number[]): object {
  const entry = { correlationId, resolve() {}, reject() {} };
  return { entry, expectResponse: true, sendRequest: () => sent.push(correlationId) };
}

describe('the timer of a request queue', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('unfixed, a queue with nothing to do keeps a timer for ever', () => {
    const queue = makeQueue(unfixed<QueueClass>('network/requestQueue'));
    queue.checkPendingRequests();
    for (let round = 0; round < 5; round++) {
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(10);
    }
    queue.destroy();
  });

  it('fixed, an idle queue has no timer', () => {
    const queue = makeQueue(internal('network/requestQueue') as QueueClass);
    const sent: number[] = [];
    queue.push(request(1, sent));
    queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
    queue.checkPendingRequests();
    expect(sent).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fixed, a request that the broker throttles leaves when its time has come', () => {
    const queue = makeQueue(internal('network/requestQueue') as QueueClass);
    const sent: number[] = [];
    queue.maybeThrottle(200);
    queue.push(request(1, sent));
    vi.advanceTimersByTime(199);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fixed, a request that waits for the answer of another leaves with that answer', () => {
    const queue = makeQueue(internal('network/requestQueue') as QueueClass, 1);
    const sent: number[] = [];
    queue.push(request(1, sent));
    queue.push(request(2, sent));
    expect(sent).toEqual([1]);
    queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
    expect(sent).toEqual([1, 2]);
    queue.fulfillRequest({ correlationId: 2, payload: null, size: 0 });
    vi.advanceTimersByTime(20);
    expect(vi.getTimerCount()).toBe(0);
  });
});
