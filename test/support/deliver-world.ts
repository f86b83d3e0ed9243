/**
 * A deliver task with everything around it played by the test: the outbound log, the committed state, the receivers. Each
 * POST is checked as it starts against what must hold at any moment; a crash loses all but the committed state.
 */
import { expect } from 'vitest';
import type { AttemptResult } from '../../src/core/attempt.ts';
import {
  type Commit,
  type DeadLetter,
  type DeliverPosition,
  formatStateKey,
  type Mark,
  type OutboundRecord,
  type PendingDelivery,
  type RedriveRequest,
  type StateKey,
} from '../../src/core/delivery.ts';
import type { EndpointHealth } from '../../src/core/endpoint-health.ts';
import { DELIVERER_DEFAULTS, Deliverer, type DelivererOptions } from '../../src/delivery/deliverer.ts';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import { Lanes, type LanesOptions } from '../../src/delivery/lanes.ts';
import type { Post } from '../../src/delivery/post.ts';
import { TaskPast } from '../../src/delivery/task-past.ts';
import { packing } from '../../src/kafka/body-compression.ts';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { CountingMeter } from './counting-meter.ts';
import { outbound } from './deliver-values.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface OpenPost {
  readonly endpointId: string;
  readonly leadId: string;
  readonly revision: number;
  readonly attempt: number;
  readonly body: string;
  /** When the sender gives up, ms. */
  readonly deadline: number;
  answer(result: AttemptResult): void;
}

export const OK: AttemptResult = { kind: 'answer', status: 200, retryAfter: null };
export const status = (code: number, retryAfter: string | null = null): AttemptResult => {
  return { kind: 'answer', status: code, retryAfter };
};
export const TIMEOUT: AttemptResult = { kind: 'timeout' };

export { outbound, testEndpoint } from './deliver-values.ts';

/** What makes a dead letter at once. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 410, 422]);

export class DeliverWorld {
  readonly clock = new VirtualClock();
  readonly meter = new CountingMeter();
  readonly log: OutboundRecord[] = [];
  readonly deadLetters: DeadLetter[] = [];
  /** The topic of redrives: every request ever made. */
  readonly requests: RedriveRequest[] = [];
  readonly pending = new Map<string, { key: StateKey; delivery: PendingDelivery }>();
  readonly marks = new Map<string, { key: StateKey; mark: Mark }>();
  position: DeliverPosition = { nextOffset: 0, sentBound: 0, released: true, owner: null, redrives: 0 };
  /** POSTs of the living owner without an answer, oldest first. */
  open: OpenPost[] = [];
  /** Every POST that was ever started. */
  readonly sent: OpenPost[] = [];
  /** Acknowledged revisions by pair. */
  readonly acked = new Map<string, Set<number>>();
  lanes: Lanes;
  deliverer: Deliverer;
  news = 0;
  options: DelivererOptions;
  /** What `endpoint-health` says when an owner starts. */
  readonly known = new Map<string, EndpointHealth>();
  readonly #lanesOptions: Partial<LanesOptions>;
  #endpoints: readonly Endpoint[];
  #random = seededRandom(7);
  #fetched = 0;
  #redrivesFed = 0;
  #commits = 0;
  #owner = 0;
  /** Whether the living owner has a fresh heartbeat. */
  #leased = { fresh: true };
  /** What the process of the living owner knows of the task's past. */
  #past: TaskPast;
  /** Owners that lost the task and do not know it yet. */
  #ghosts: Deliverer[] = [];
  readonly #newest = new Map<string, number>();
  /** The same of one owner, for endpoints with `supersede: false`: the next owner may begin again, in order. */
  readonly #newestInOrder = new Map<string, number>();
  /** What a restart may send again, though acknowledged: `pair revision`. */
  #repeatable = new Set<string>();

  constructor(
    endpoints: readonly Endpoint[],
    options: Partial<DelivererOptions> = {},
    lanes: Partial<LanesOptions> = {},
  ) {
    this.#lanesOptions = lanes;
    this.#endpoints = endpoints;
    this.options = { ...DELIVERER_DEFAULTS, ...options };
    this.lanes = this.#newLanes();
    this.#past = this.#newPast();
    this.deliverer = this.#start();
  }

  /** Appends records to the log, at the next offsets. */
  append(...records: Partial<OutboundRecord>[]): void {
    for (const record of records) this.log.push(outbound({ ...record, offset: this.log.length }));
  }

  /** Fetches up to `count` records, as far as the deliverer wants any. */
  feed(count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count && this.#fetched < this.log.length && this.deliverer.wants(); i += 1) {
      const record = this.log[this.#fetched] as OutboundRecord;
      this.#fetched += 1;
      this.deliverer.take([record], this.#fetched);
    }
  }

  /** Hands over the redrive requests that the living owner has not had. */
  feedRedrives(): void {
    const requests = this.requests.slice(this.#redrivesFed);
    this.#redrivesFed = this.requests.length;
    if (requests.length > 0) this.deliverer.redrive({ requests, next: this.#redrivesFed });
  }

  /** Plans and commits, or rolls back; returns the plan. */
  commit(succeeds = true): Commit | null {
    const commit = this.deliverer.plan();
    if (commit === null) return null;
    if (!succeeds) {
      this.deliverer.rolledBack(commit);
      return commit;
    }
    this.#apply(commit);
    this.deliverer.committed(commit);
    return commit;
  }

  /** Answers an open POST, by its place among the open ones, and lets the deliverer act on it. */
  async answer(index: number, result: AttemptResult): Promise<void> {
    this.open[index]?.answer(result);
    await settled();
  }

  /** Answers every open POST, also those that start meanwhile. */
  async answerAll(result: AttemptResult): Promise<void> {
    while (this.open.length > 0) await this.answer(0, result);
  }

  /** The owner dies (after its last transaction reached Kafka, if it says so) and another one starts. */
  crash(endpoints = this.#endpoints, lastCommitReached = false): void {
    const commit = lastCommitReached ? this.deliverer.plan() : null;
    if (commit) this.#apply(commit);
    this.deliverer.abandon();
    this.#endpoints = endpoints;
    this.#rememberRepeatable();
    this.#newestInOrder.clear();
    this.open = [];
    this.lanes = this.#newLanes();
    this.#past = this.#newPast();
    this.deliverer = this.#start();
  }

  /** The owner loses its transaction (which reached Kafka, if it says so) and begins again in the same process. */
  restart(lastCommitReached = false): void {
    const commit = lastCommitReached ? this.deliverer.plan() : null;
    if (commit) this.#apply(commit);
    this.deliverer.abandon();
    this.#rememberRepeatable();
    this.#newestInOrder.clear();
    this.deliverer = this.#start();
  }

  /**
   * The group gives the task to another process, while the owner is cut off: it has no lease and does not know. What it has in
   * flight goes on at the receiver, until its time is over. `killed`: it is dead, and only the receiver goes on.
   */
  evict(killed: boolean): void {
    this.#leased.fresh = false;
    if (killed) this.deliverer.abandon();
    else this.#ghosts.push(this.deliverer);
    for (const post of this.open) this.clock.after(post.deadline - this.clock.now(), () => post.answer(TIMEOUT));
    this.#succeed();
  }

  /** The ghosts try to commit and are fenced. */
  fenceGhosts(): void {
    for (const ghost of this.#ghosts.splice(0)) ghost.abandon();
  }

  /** The group is joined again; the task goes to another process, which starts when the owner has done its part, or late. */
  async handOver(patienceMs: number): Promise<void> {
    await this.#suspend(patienceMs);
    this.#leased.fresh = false;
    this.#ghosts.push(this.deliverer);
    for (const post of this.open) this.clock.after(post.deadline - this.clock.now(), () => post.answer(TIMEOUT));
    this.#succeed();
  }

  /** The group is joined again, and the task stays. */
  async rejoin(patienceMs: number): Promise<void> {
    await this.#suspend(patienceMs);
    this.#commits = 0;
    this.deliverer.resume();
    this.lanes.wake();
  }

  async #suspend(patienceMs: number): Promise<void> {
    const suspended = this.deliverer.suspend(this.clock.now() + patienceMs);
    this.clock.advance(patienceMs);
    await suspended;
    this.commit();
  }

  #succeed(): void {
    this.#rememberRepeatable();
    this.#newestInOrder.clear();
    this.#leased = { fresh: true };
    this.lanes = this.#newLanes();
    this.#past = this.#newPast();
    this.deliverer = this.#start();
  }

  #newPast(): TaskPast {
    return new TaskPast(this.clock, { owner: `process ${this.#owner}`, leaseMs: 0 });
  }

  #newLanes(): Lanes {
    const lease = this.#leased;
    const deps = { log: silentLog, meter: this.meter, clock: this.clock, leased: () => lease.fresh };
    const lanes = new Lanes(this.#endpoints, deps, this.#lanesOptions);
    for (const [id, health] of this.known) lanes.learn(id, health);
    return lanes;
  }

  /** Lets the time pass that a successor waits for what its predecessor may have in flight. */
  outwait(): void {
    this.clock.advance(this.lanes.longestTimeoutMs);
  }

  /** Feeds, answers and commits until nothing is left to do; every receiver says 200. */
  async finish(): Promise<void> {
    for (let round = 0; round < 200; round += 1) {
      this.feed();
      this.feedRedrives();
      await this.answerAll(OK);
      this.commit();
      if (this.#fetched === this.log.length && this.open.length === 0 && this.pending.size === 0) {
        if (this.position.nextOffset === this.log.length) return;
      }
      this.clock.advance(7_200_000);
      await settled();
    }
    expect.unreachable('the world does not come to rest');
  }

  #start(): Deliverer {
    this.#owner += 1;
    this.#commits = 0;
    this.#fetched = this.position.nextOffset;
    this.#redrivesFed = this.position.redrives;
    const deps = {
      lanes: this.lanes,
      post: this.#post(this.#owner),
      packing,
      clock: this.clock,
      random: this.#random,
      past: this.#past,
    };
    const onNews = (): void => {
      this.news += 1;
    };
    const start = {
      position: this.position,
      logEnd: (this.log.at(-1)?.offset ?? -1) + 1,
      pending: [...this.pending.values()].sort((a, b) => a.delivery.record.revision - b.delivery.record.revision),
      marks: [...this.marks.values()],
    };
    return new Deliverer({ ...deps, log: silentLog, meter: this.meter, onNews }, this.options, start);
  }

  #apply(commit: Commit): void {
    this.#commits += 1;
    expect(commit.position.nextOffset).toBeGreaterThanOrEqual(this.position.nextOffset);
    this.position = commit.position;
    for (const { key, delivery } of commit.pending) {
      if (delivery) this.pending.set(formatStateKey(key), { key, delivery });
      else this.pending.delete(formatStateKey(key));
    }
    for (const { key, mark } of commit.marks) {
      if (mark) this.marks.set(formatStateKey(key), { key, mark });
      else this.marks.delete(formatStateKey(key));
    }
    this.deadLetters.push(...commit.deadLetters);
  }

  #rememberRepeatable(): void {
    this.#repeatable = new Set();
    const { nextOffset, sentBound } = this.position;
    for (const { offset, leadId, revision } of this.log) {
      if (offset < nextOffset || offset >= sentBound) continue;
      for (const { id } of this.#endpoints) this.#repeatable.add(`${id}|${leadId} ${revision}`);
    }
    for (const { key, delivery } of this.pending.values()) {
      this.#repeatable.add(`${key.endpointId}|${key.leadId} ${delivery.record.revision}`);
    }
    for (const { endpointId, record } of this.requests.slice(this.position.redrives)) {
      this.#repeatable.add(`${endpointId}|${record.leadId} ${record.revision}`);
    }
  }

  #post(owner: number): Post {
    return (endpoint, request) => {
      const { leadId, revision, attempt } = request;
      const pair = `${endpoint.id}|${leadId}`;
      expect(owner, 'a send by an owner that lost the task').toBe(this.#owner);
      this.#check(endpoint, pair, revision);
      return new Promise<AttemptResult>((resolve) => {
        const post: OpenPost = {
          endpointId: endpoint.id,
          leadId,
          revision,
          attempt,
          body: request.body.toString(),
          deadline: this.clock.now() + endpoint.limits.timeoutMs,
          answer: (result) => {
            if (!this.open.includes(post)) return;
            this.open = this.open.filter((other) => other !== post);
            if (owner === this.#owner && result.kind === 'answer' && result.status < 300) this.#ack(pair, revision);
            // Who refuses the repetition of what he had accepted is taken at his word: he does not have it.
            if (result.kind === 'answer' && REFUSALS.has(result.status)) this.acked.get(pair)?.delete(revision);
            resolve(result);
          },
        };
        this.open.push(post);
        this.sent.push(post);
      });
    };
  }

  #check(endpoint: Endpoint, pair: string, revision: number): void {
    expect(this.#commits, 'a send before the first commit of its owner').toBeGreaterThan(0);
    const ofPair = this.open.filter((post) => `${post.endpointId}|${post.leadId}` === pair);
    expect(ofPair, 'two in flight for one pair').toEqual([]);
    const ofEndpoint = this.open.filter((post) => post.endpointId === endpoint.id);
    expect(ofEndpoint.length).toBeLessThan(endpoint.limits.concurrency);
    const newest = endpoint.supersede ? this.#newest : this.#newestInOrder;
    // What was asked for again may follow a newer one that was refused: the receiver does not have that.
    const isAskedFor = this.requests.some(({ endpointId, record }) => {
      return pair === `${endpointId}|${record.leadId}` && record.revision === revision;
    });
    const floor = isAskedFor ? Math.max(0, ...(this.acked.get(pair) ?? [])) : (newest.get(pair) ?? 0);
    const mayRepeat = !endpoint.supersede && this.#repeatable.has(`${pair} ${revision}`);
    if (!isAskedFor || !mayRepeat) {
      expect(revision, 'an older revision after a newer one').toBeGreaterThanOrEqual(floor);
    }
    newest.set(pair, Math.max(revision, newest.get(pair) ?? 0));
    const record = this.log.find((candidate) => {
      return candidate.revision === revision && candidate.leadId === pair.split('|')[1];
    });
    const isPending = this.pending.has(`${pair}|pending`) || this.pending.has(`${pair}|pending|${revision}`);
    if (!isPending) expect(record?.offset).toBeLessThan(this.position.sentBound);
    // What was lost by a crash after its answer, refused when it was repeated, and asked for again, is repeated on demand.
    if (!isAskedFor && this.acked.get(pair)?.has(revision)) {
      expect(this.#repeatable, 'a repeat').toContain(`${pair} ${revision}`);
    }
  }

  #ack(pair: string, revision: number): void {
    const acked = this.acked.get(pair) ?? new Set<number>();
    acked.add(revision);
    this.acked.set(pair, acked);
    this.#repeatable.delete(`${pair} ${revision}`);
  }
}

/** Lets promise callbacks run. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 4; i += 1) await Promise.resolve();
}
