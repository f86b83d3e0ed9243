/**
 * The lease of a stage that acts outside of Kafka: fencing stops a process that lost its task from writing, and does not reach
 * HTTP. So an attempt may start only if it ends before the group could have given the task to others: a heartbeat that the
 * group has answered must have been sent within the session timeout, less the attempt's own time, less a margin. Before the
 * process joins the group again its tasks are suspended: they start nothing, wait for what is in flight, and write it down;
 * after the join each proves by a commit that it is still the owner before it goes on.
 *
 * The heartbeat is as old as the clock says that shows more: a wall clock that is set back must not make it younger, and a monotonic
 * clock that stood still, because the machine was suspended, must not either. A clock that is set forward ends the lease too soon, which
 * costs a wait for the next heartbeat.
 */
import { type Clock, elapsedMs, type Moment, momentOf, pause } from '../lib/clock.ts';

/** Part of the session timeout by which attempts must end before it: clocks and event loops are not exact. */
const MARGIN = 1 / 20;
/** Part of the session timeout that a timeout may take: two heartbeats and the margin must fit beside it. */
const TIMEOUT_MAX = 7 / 10;
/** Part of the session timeout that a rejoin waits for attempts in flight. */
const SUSPEND_MAX = 1 / 4;

/** A task under the lease. */
export interface Tenant {
  /** Starts nothing any more; resolves when what was in flight is written down, or soon after `deadline` (ms). */
  suspend(deadline: number): Promise<void>;
  /** The group has given out its tasks, and this one is still here. */
  resume(): void;
}

export interface LeaseOptions {
  readonly sessionTimeoutMs: number;
  /** Called when attempts may start that might not before. */
  readonly onRenewed: () => void;
}

/** The longest attempt that a group with this session timeout allows, ms. */
export function longestAttemptMs(sessionTimeoutMs: number): number {
  return Math.floor(sessionTimeoutMs * TIMEOUT_MAX);
}

/** How long after the group last heard of a process that process may still have attempts on the way, ms: none outlasts its lease. */
export function leaseLastsMs(sessionTimeoutMs: number): number {
  return sessionTimeoutMs * (1 - MARGIN);
}

export class Lease {
  readonly #clock: Clock;
  readonly #options: LeaseOptions;
  readonly #tenants = new Set<Tenant>();
  #heardAt: Moment | null = null;
  #suspended = false;
  #refused = false;

  constructor(clock: Clock, options: LeaseOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Whether an attempt that ends within `timeoutMs` may start now. */
  allows(timeoutMs: number): boolean {
    const allowed = !this.#suspended && timeoutMs <= this.#leftMs();
    if (!allowed) this.#refused = true;
    return allowed;
  }

  /** The group has answered a heartbeat or a join that was sent at `sentAt`. */
  heard(sentAt: Moment): void {
    if (this.#heardAt === null || sentAt.monotonic >= this.#heardAt.monotonic) this.#heardAt = sentAt;
    this.#renew();
  }

  /** Takes a task under the lease; one that comes while all are suspended is suspended too. @returns what ends that. */
  admit(tenant: Tenant): () => void {
    this.#tenants.add(tenant);
    if (this.#suspended) void tenant.suspend(this.#clock.now());
    return () => this.#tenants.delete(tenant);
  }

  /** Before a rejoin: suspends every task. Resolves when all have written down what they did, or when that takes too long. */
  async suspend(): Promise<void> {
    this.#suspended = true;
    const patienceMs = this.#options.sessionTimeoutMs * SUSPEND_MAX;
    const deadline = this.#clock.now() + patienceMs;
    const over = new AbortController();
    const all = Promise.all(Array.from(this.#tenants, (tenant) => tenant.suspend(deadline)));
    await Promise.race([all, pause(this.#clock, patienceMs * 1.2, over.signal)]);
    over.abort();
  }

  /** After a join, when the tasks that are lost have been told to stop. */
  resume(): void {
    this.#suspended = false;
    for (const tenant of this.#tenants) tenant.resume();
    this.#renew();
  }

  /** For how long the task is surely ours. */
  #leftMs(): number {
    if (this.#heardAt === null) return Number.NEGATIVE_INFINITY;
    return leaseLastsMs(this.#options.sessionTimeoutMs) - elapsedMs(this.#heardAt, momentOf(this.#clock));
  }

  #renew(): void {
    if (!this.#refused || this.#suspended) return;
    this.#refused = false;
    this.#options.onRenewed();
  }
}
