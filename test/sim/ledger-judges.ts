/**
 * The judges of delivery: from the receivers' ledger, the committed outbound topic and the dead letters they say which sentence of S5
 * or S6 was broken. Of the product they know only when its tasks began to live and what they had committed, which says when a
 * repetition is excused; they share no code with it.
 */
import type { Violation } from './checkers.ts';
import type { DeliverHistory } from './deliver-deployment.ts';
import type { Exchange } from './receivers.ts';

/** One record of the outbound topic. */
export interface Wanted {
  readonly partition: number;
  readonly offset: number;
  readonly leadId: string;
  readonly version: string;
  readonly revision: number;
  readonly cause: string;
}

export interface Letter {
  readonly endpointId: string;
  readonly leadId: string;
  readonly revision: number;
  readonly code: string;
}

/** A pause that was asked for, as the topic `endpoint-health` tells it. */
export interface Told {
  readonly endpointId: string;
  readonly at: number;
  readonly pauseUntil: number;
  /** Pauses that were asked for before this was raised are over. */
  readonly openedAt: number;
}

export interface Evidence {
  readonly ledger: readonly Exchange[];
  /** In the order of the log, partition by partition. */
  readonly outbound: readonly Wanted[];
  readonly letters: readonly Letter[];
  /** `endpoint|lead revision` of what the operator has asked for again. */
  readonly askedFor: ReadonlySet<string>;
  readonly told: readonly Told[];
  readonly history: DeliverHistory;
  /** How far sends may run ahead of the position, in records. */
  readonly windowRecords: number;
  /** Nothing was killed, cut off or lost. */
  readonly gentle: boolean;
}

/** How long a word on `endpoint-health` may take to be obeyed everywhere, ms. */
const HEARD_WITHIN_MS = 1_000;

/** What must hold at any moment. */
export function judgeLedger(evidence: Evidence): Violation[] {
  const violations: Violation[] = [];
  for (const exchanges of Map.groupBy(evidence.ledger, pairOf).values()) {
    violations.push(
      ...judgeOverlap(exchanges),
      ...judgeOrder(exchanges, evidence),
      ...judgeRepeats(exchanges, evidence),
    );
  }
  return [...violations, ...judgeWindow(evidence), ...judgePauses(evidence), ...judgeHandovers(evidence)];
}

/** What must hold at the end: of each endpoint and lead the newest that it wants has arrived, or is a dead letter. */
export function judgeArrival(
  { ledger, outbound, letters }: Evidence,
  endpoints: readonly Exchange['endpoint'][],
): Violation[] {
  const violations: Violation[] = [];
  const accepted = Map.groupBy(
    ledger.filter((one) => one.accepted),
    pairOf,
  );
  for (const endpoint of endpoints) {
    const wanted = outbound.filter(({ version, cause }) => {
      return version === endpoint.version && (endpoint.on === 'change' || cause === 'created');
    });
    for (const [leadId, records] of Map.groupBy(wanted, (record) => record.leadId)) {
      const had = (accepted.get(`${endpoint.id}|${leadId}`) ?? []).map(({ revision }) => revision);
      const dead = letters.filter((letter) => letter.endpointId === endpoint.id && letter.leadId === leadId);
      const isDead = (revision: number): boolean =>
        dead.some((letter) => letter.revision === revision && letter.code !== '');
      const missing = (what: string): void => {
        violations.push({ promise: 'S5', message: `${endpoint.id} lead ${leadId}: ${what}` });
      };
      if (endpoint.on === 'create') {
        if (had.length === 0 && dead.length === 0) missing('was never told, and is no dead letter');
        continue;
      }
      const newest = Math.max(...records.map(({ revision }) => revision));
      if (had.at(-1) !== newest && !isDead(newest))
        missing(`has ${had.at(-1)} instead of ${newest}, which is no dead letter`);
      if (endpoint.supersede) continue;
      for (const { revision } of growing(records)) {
        if (!had.includes(revision) && !isDead(revision)) missing(`${revision} is missing, and no dead letter`);
      }
    }
  }
  return violations;
}

/** (a) Of one endpoint and lead at most one request is in flight. */
function judgeOverlap(exchanges: readonly Exchange[]): Violation[] {
  const violations: Violation[] = [];
  let last: Exchange | null = null;
  for (const one of exchanges) {
    if (last !== null && one.arrivedAt < last.endsAt) {
      const message = `${nameOf(one)} arrives while ${nameOf(last)} is in flight`;
      violations.push({ promise: 'S5', message });
    }
    if (last === null || one.endsAt > last.endsAt) last = one;
  }
  return violations;
}

/**
 * (b) and (f): no older revision follows a newer one. Where each revision counts, a new life of the task may begin again; what an
 * operator has asked for may follow a newer one that the endpoint does not have.
 */
function judgeOrder(exchanges: readonly Exchange[], evidence: Evidence): Violation[] {
  const violations: Violation[] = [];
  let newest: Exchange | null = null;
  for (const [at, one] of exchanges.entries()) {
    const { endpoint, revision } = one;
    const mayFollow = evidence.askedFor.has(keyOf(one)) || (!endpoint.supersede && one.life !== newest?.life);
    const older = newest !== null && revision < newest.revision && !mayFollow ? newest : null;
    const had = exchanges.slice(0, at).find((before) => before.revision > revision && isCovered(before, one, evidence));
    const after = older ?? had;
    if (after !== undefined && after !== null) {
      violations.push({ promise: 'S5', message: `${nameOf(one)} comes after ${nameOf(after)}` });
    }
    if (newest === null || revision >= newest.revision) newest = one;
  }
  return violations;
}

/** Whether its sender had committed that `taken` was taken before `later` began. */
function isCovered(taken: Exchange, later: Exchange, { history, outbound }: Evidence): boolean {
  const { heardAt, accepted } = taken;
  if (!accepted || heardAt === null) return false;
  const record = recordOf(taken, outbound);
  return history.commits.some(({ life, plannedAt, nextOffset, committedAt }) => {
    if (life !== taken.life || record === undefined || committedAt >= later.begunAt) return false;
    return plannedAt > heardAt && nextOffset > record.offset;
  });
}

/**
 * (d) and (g): what a sender knows to be taken comes again only after a crash or a lost lease, only if no commit had covered it, and
 * with the same id.
 */
function judgeRepeats(exchanges: readonly Exchange[], evidence: Evidence): Violation[] {
  const violations: Violation[] = [];
  for (const [at, one] of exchanges.entries()) {
    const before = exchanges.slice(0, at).find((other) => {
      return other.accepted && other.heardAt !== null && other.heardAt < one.begunAt && isSame(other, one);
    });
    if (before === undefined || evidence.askedFor.has(keyOf(one))) continue;
    const say = (what: string): void => {
      violations.push({ promise: 'S5', message: `${nameOf(one)} repeats ${nameOf(before)}: ${what}` });
    };
    if (one.webhookId !== before.webhookId) say('under another id');
    if (isCovered(before, one, evidence)) say('a commit had covered it');
    if (one.life === before.life) say('its task lived on');
    if (evidence.gentle) say('nothing was killed or cut off');
  }
  return violations;
}

/**
 * (d) Nothing is sent beyond the bound that its life had committed, and of what a life read again beyond its position no more comes
 * again than a send window holds.
 */
function judgeWindow({ ledger, outbound, history, windowRecords }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const again = new Map<number, Set<number>>();
  for (const [at, one] of ledger.entries()) {
    const record = recordOf(one, outbound);
    if (record === undefined) continue;
    const isBound = history.commits.some(({ life, committedAt, sentBound }) => {
      return life === one.life && committedAt <= one.begunAt && record.offset < sentBound;
    });
    if (!isBound) violations.push({ promise: 'S5', message: `${nameOf(one)} is beyond the bound of what may be sent` });
    const isRepeat = ledger.slice(0, at).some((before) => {
      return (
        before.life !== one.life &&
        before.accepted &&
        pairOf(before) === pairOf(one) &&
        before.revision === one.revision
      );
    });
    if (!isRepeat || record.offset < (history.lives[one.life]?.nextOffset ?? 0)) continue;
    again.set(one.life, (again.get(one.life) ?? new Set()).add(record.offset));
  }
  for (const [life, offsets] of again) {
    if (offsets.size <= windowRecords) continue;
    violations.push({
      promise: 'S5',
      message: `in life ${life} ${offsets.size} records come again, more than a send window`,
    });
  }
  return violations;
}

/** (e) A pause that an endpoint asks for by Retry-After is kept by who heard it, and soon by all. */
function judgePauses({ ledger, told }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const say = (one: Exchange, what: string): void => {
    violations.push({ promise: 'S6', message: `${nameOf(one)} ${what}` });
  };
  const openings = told.filter(({ endpointId, openedAt }, index) => {
    const before = told.slice(0, index).filter((other) => other.endpointId === endpointId);
    return openedAt > Math.max(0, ...before.map((other) => other.openedAt));
  });
  /** The operator has ended a pause that was heard of at `since`, or as good as then, before `begunAt`. */
  const isOpened = (id: string, since: number, begunAt: number): boolean =>
    openings.some(({ endpointId, at }) => endpointId === id && since <= at + HEARD_WITHIN_MS && at <= begunAt);
  const asked = ledger.filter(({ pauseUntil }) => pauseUntil > 0);
  for (const one of ledger) {
    const { begunAt, process, endpoint, awakeSince } = one;
    const isTold = told.some(({ endpointId, at, pauseUntil }) => {
      const from = Math.max(at, awakeSince) + HEARD_WITHIN_MS;
      return endpointId === endpoint.id && begunAt > from && begunAt < pauseUntil && !isOpened(endpointId, at, begunAt);
    });
    if (isTold) say(one, 'begins within a pause that was told to all');
    const isKnown = asked.some((other) => {
      const { heardAt, pauseUntil } = other;
      return (
        other.process === process &&
        other.endpoint === endpoint &&
        heardAt !== null &&
        begunAt > heardAt &&
        begunAt < pauseUntil &&
        !isOpened(endpoint.id, heardAt, begunAt)
      );
    });
    if (isKnown) say(one, 'begins within a pause that its own process was asked for');
  }
  return violations;
}

/** A task that is handed over, though nothing was killed or cut off and receivers are well, is released: its next owner need not wait. */
function judgeHandovers({ history, gentle }: Evidence): Violation[] {
  if (!gentle) return [];
  return history.lives
    .filter(({ released }) => !released)
    .map(({ process, partition }): Violation => {
      return { promise: 'S5', message: `task ${partition} was not released before ${process} began with it` };
    });
}

/** The records of a lead whose revision is above all before them. */
function growing(records: readonly Wanted[]): Wanted[] {
  let newest = -1;
  return records.filter(({ revision }) => {
    const grows = revision > newest;
    newest = Math.max(newest, revision);
    return grows;
  });
}

/** Whether both tell the same; an endpoint that wants only what is created is told of a lead once, whatever its revision. */
function isSame(a: Exchange, b: Exchange): boolean {
  return a.endpoint.on === 'create' || a.revision === b.revision;
}

function recordOf({ leadId, revision, endpoint }: Exchange, outbound: readonly Wanted[]): Wanted | undefined {
  return outbound.find((one) => one.leadId === leadId && one.revision === revision && one.version === endpoint.version);
}

function pairOf({ endpoint, leadId }: Exchange): string {
  return `${endpoint.id}|${leadId}`;
}

function keyOf(one: Exchange): string {
  return `${pairOf(one)} ${one.revision}`;
}

function nameOf({ endpoint, leadId, revision, arrivedAt, process, life }: Exchange): string {
  const at = ((arrivedAt % 1e9) / 1000).toFixed(3);
  return `${endpoint.id} lead ${leadId} revision ${revision} at ${at} of ${process.name} in life ${life}`;
}
