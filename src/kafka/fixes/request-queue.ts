/**
 * Fix 4: the timer of a request queue. Every connection of the client wakes up each millisecond for ever to look at a
 * queue that is empty, which costs 10 % of a core for 400 connections and makes Node warn about a negative delay. The queue
 * needs a timer only while a request waits in it.
 */
import type { AnyFunction } from './internals.ts';

export interface RequestQueue {
  readonly pending: readonly unknown[];
}

/** Makes the replacement of `scheduleCheckPendingRequests`: the client's own, if there is anything to check later. */
export function onlyWhenPending(schedule: AnyFunction): (this: RequestQueue) => void {
  return function scheduleWhenPending() {
    if (this.pending.length > 0) schedule.call(this);
  };
}
