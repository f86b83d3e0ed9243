/**
 * The judges: from what a read-committed subscriber saw and what the source database held they say which promise was broken.
 * They know nothing of the world between the two, and share no code with it.
 */
import type { Told } from './told.ts';
import { clustersByMoves, type RowHistory, type Truth } from './truth.ts';

export interface Violation {
  /** S1 … S6 of docs/semantics.md; `end`: something is lost (S1) or not told in time; `crash`: a process failed. */
  readonly promise: 'S1' | 'S2' | 'S3' | 'S4' | 'S5' | 'S6' | 'end' | 'crash';
  readonly message: string;
}

/** What must hold at any moment: of all that was told so far, in the order of the outbound topic. */
export function judgeHistory(told: readonly Told[], truth: Truth): Violation[] {
  const violations: Violation[] = [];
  const say = (promise: Violation['promise'], one: Told, message: string): void => {
    const at = `lead ${one.leadId} ${one.version} moves ${one.moves} n ${one.n}`;
    violations.push({ promise, message: `${at}: ${message}` });
  };
  const seen = new Set<string>();
  const last = new Map<string, Told>();
  const lastOfMoves = new Map<string, Told>();
  for (const one of told) {
    const name = `${one.leadId} ${one.version} ${one.revision}`;
    if (seen.has(name)) say('S1', one, 'told twice');
    seen.add(name);
    const stay = `${one.leadId} ${one.version} ${one.moves}`;
    const before = last.get(stay);
    if (before !== undefined && before.n >= one.n) say('S3', one, `comes after n ${before.n}`);
    if (before !== undefined && before.content === one.content) say('S4', one, 'repeats the body before it');
    last.set(stay, one);
    const lead = truth.history('lead', one.leadId);
    if (!lead.live && one.version !== 'v3') say('S4', one, 'a silent lead is told');
    if (one.moves >= clustersByMoves(lead).length) say('S3', one, 'the lead never moved that often');
    const stayOfAll = `${one.leadId} ${one.moves}`;
    const beforeOfAll = lastOfMoves.get(stayOfAll);
    const expected = beforeOfAll?.n ?? 0;
    if (one.n !== expected && one.n !== expected + 1) say('S1', one, `comes after n ${expected}: a hole`);
    lastOfMoves.set(stayOfAll, one);
  }
  return [...violations, ...judgeOrder(told, truth)];
}

/** A row is never told older than it was told before to the same lead at the same moves, nor in a state that it never had. */
function judgeOrder(told: readonly Told[], truth: Truth): Violation[] {
  const violations: Violation[] = [];
  const reached = new Map<string, number>();
  const appointments = truth.rows.filter(({ table }) => table === 'appointment');
  const advance = (one: Told, row: RowHistory, isIt: (version: RowHistory['versions'][number]) => boolean): void => {
    const name = `${one.leadId} ${one.version} ${one.moves} ${row.table} ${row.id}`;
    const from = reached.get(name) ?? -1;
    // Before its first version a row is absent; −1 stands for that.
    const absent = { row: row.versions[0]?.row ?? { id: row.id }, alive: false, cluster: null };
    for (let at = from; at < row.versions.length; at++) {
      if (!isIt(row.versions[at] ?? absent)) continue;
      reached.set(name, at);
      return;
    }
    const at = `lead ${one.leadId} ${one.version} moves ${one.moves} n ${one.n}`;
    violations.push({ promise: 'S2', message: `${at}: ${row.table} ${row.id} goes back, or is as it never was` });
  };
  for (const one of told) {
    const lead = truth.history('lead', one.leadId);
    const { comments, category } = one.json;
    advance(one, lead, ({ row, alive }) => alive && row['comments'] === comments && row['category'] === category);
    if (one.version !== 'v3') continue;
    const cluster = clustersByMoves(lead)[one.moves] ?? null;
    const shown = new Map(
      (one.json['appointments'] as { id: number; note: string }[]).map(({ id, note }) => [id, note]),
    );
    for (const appointment of appointments) {
      const note = shown.get(appointment.id);
      advance(one, appointment, ({ row, alive, cluster: at }) => {
        const isListed = alive && cluster !== null && at === cluster && row['purpose'] === 'Test Drive';
        return isListed ? row['note'] === note : note === undefined;
      });
    }
  }
  return violations;
}

/**
 * What must hold when faults have stopped and everything had its time: the highest revision of each living lead shows the
 * source as it is. `expected` renders a lead's body of a version from the source's rows.
 */
export function judgeEnd(
  told: readonly Told[],
  truth: Truth,
  expected: (lead: RowHistory, version: string) => string,
): Violation[] {
  const highest = new Map<string, Told>();
  for (const one of told) {
    const name = `${one.leadId} ${one.version}`;
    if ((highest.get(name)?.revision ?? -1) < one.revision) highest.set(name, one);
  }
  const violations: Violation[] = [];
  for (const lead of truth.rows) {
    if (lead.table !== 'lead' || lead.versions.at(-1)?.alive !== true) continue;
    for (const version of ['v1', 'v2', 'v3']) {
      const one = highest.get(`${lead.id} ${version}`);
      const isOfNow = one !== undefined && one.moves === clustersByMoves(lead).length - 1;
      if (!isOpen(lead, version, truth) && !isOfNow) continue;
      const at = `lead ${lead.id} ${version}`;
      if (one === undefined) violations.push({ promise: 'end', message: `${at}: was never told` });
      else if (!isOfNow) violations.push({ promise: 'end', message: `${at}: its last move was not told` });
      else if (one.content !== expected(lead, version))
        violations.push({ promise: 'end', message: `${at}: the highest revision does not show the source as it is` });
    }
  }
  return violations;
}

/** Whether a version's gate is open now: a row that its body shows is live. */
function isOpen(lead: RowHistory, version: string, truth: Truth): boolean {
  if (lead.live) return true;
  const cluster = lead.versions.at(-1)?.cluster ?? null;
  if (version !== 'v3' || cluster === null) return false;
  const listed = truth
    .within('appointment', cluster)
    .filter(({ versions }) => versions.at(-1)?.row['purpose'] === 'Test Drive');
  return [...listed, ...truth.within('test_drive', cluster)].some(({ live }) => live);
}
