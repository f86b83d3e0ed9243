/**
 * Judges the demo's story by what the receiver got: the last bodies, the headers, the order of revisions, and what followed
 * each failure. Pure: requests in, sentences out; it waits for nothing and knows no Kafka.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Ledger, Received } from '../receiver.ts';
import { type DemoEndpoint, ENDPOINTS, TOKEN } from './cast.ts';
import { wasAccepted } from './delivery-book.ts';
import type { Failure, Step } from './story.ts';
import { lacking } from './story-run.ts';

/** Revisions of a lead that moved once begin here (docs/semantics.md, S3). */
const MOVED = 2 ** 32;

/**
 * What is wrong with the outcome of a story.
 * @param requests all requests of the receiver, in the order in which they came.
 * @returns one phrase for each fault; empty = the story went as it should.
 */
export function checkStory(steps: readonly Step[], requests: readonly Received[], ledger: Ledger): string[] {
  return [
    ...lastBodies(steps, requests),
    ...requests.flatMap(headerFaults),
    ...byPair(requests).flatMap(pairFaults),
    ...failureFaults(steps, requests),
    ...mergeFaults(steps, requests),
    ...ledgerFaults(ledger),
  ];
}

function lastBodies(steps: readonly Step[], requests: readonly Received[]): string[] {
  const last = new Map(
    steps.flatMap(({ expect }) => expect).map((expectation) => [pairOf(expectation), expectation] as const),
  );
  return [...last.values()].map((expectation) => lacking(expectation, requests)).filter((text) => text !== null);
}

function pairOf({ endpoint, lead }: { endpoint: DemoEndpoint; lead: number }): string {
  return `${endpoint.path} ${lead}`;
}

function headerFaults(request: Received): string[] {
  const { path, headers, leadId, revision, version } = request;
  const endpoint = ENDPOINTS.find((one) => one.path === path);
  if (endpoint === undefined) return [`a request came for a path that no endpoint has`];
  const token = endpoint.auth === 'bearer' ? headers['authorization'] : headers['x-authorization'];
  const id = `${endpoint.id}_${leadId}${endpoint.on === 'create' ? '' : `_${revision}`}`;
  const claims: readonly (readonly [string, boolean])[] = [
    [endpoint.auth, token === (endpoint.auth === 'bearer' ? `Bearer ${TOKEN}` : TOKEN)],
    ['content-type', headers['content-type'] === 'application/json'],
    ['webhook-id', headers['webhook-id'] === id],
    ['lead-webhook-version', version === endpoint.version],
  ];
  return claims
    .filter(([, holds]) => !holds)
    .map(([name]) => `the header ${name} was wrong at ${endpoint.id}, lead ${leadId}`);
}

/** Requests of each endpoint and lead, in order. */
function byPair(requests: readonly Received[]): Received[][] {
  return [...Map.groupBy(requests, ({ path, leadId }) => `${path} ${leadId}`).values()];
}

function pairFaults(requests: readonly Received[]): string[] {
  const faults: string[] = [];
  const where = `at ${nameOf(requests[0])}, lead ${requests[0]?.leadId}`;
  for (const [index, request] of requests.entries()) {
    const before = requests[index - 1];
    if (before === undefined) continue;
    if (request.revision < before.revision) faults.push(`revisions did not grow ${where}`);
    if (request.revision === before.revision && request.attempt !== before.attempt + 1) {
      faults.push(`attempts were not counted ${where}`);
    }
    const sameLife = Math.floor(request.revision / MOVED) === Math.floor(before.revision / MOVED);
    if (request.revision > before.revision && sameLife && isDeepStrictEqual(told(request), told(before))) {
      faults.push(`a body was announced that did not change ${where}`);
    }
  }
  const onCreate = ENDPOINTS.some(({ path, on }) => path === requests[0]?.path && on === 'create');
  if (onCreate && requests.filter(wasAccepted).length > 1) faults.push(`a lead was created more than once ${where}`);
  return faults;
}

/** What counts as a difference: everything but `updated_at`. */
function told(request: Received): Record<string, unknown> {
  return { ...(JSON.parse(request.body) as Record<string, unknown>), updated_at: null };
}

function failureFaults(steps: readonly Step[], requests: readonly Received[]): string[] {
  const failures = steps.map(({ failure }) => failure).filter((failure) => failure !== undefined);
  const refused = requests.filter((request) => !wasAccepted(request));
  if (refused.length !== failures.length) {
    return [`${refused.length} requests failed instead of ${failures.length}`];
  }
  return failures.flatMap((failure, index) => {
    const request = refused[index];
    return request === undefined ? [] : afterFailure(failure, request, requests);
  });
}

function afterFailure({ answer, next: wanted }: Failure, refused: Received, requests: readonly Received[]): string[] {
  const { path, leadId, status } = refused;
  if (status !== answer.status) return [`${status} was answered instead of ${answer.status}`];
  const rest = requests.slice(requests.indexOf(refused) + 1);
  const next = rest.find((request) => request.path === path && request.leadId === leadId);
  if (next === undefined) return [`nothing followed the ${status}`];
  const faults: string[] = [];
  const patience = Number(answer.headers?.['retry-after'] ?? 0) * 1000;
  if (next.at - refused.at < patience) faults.push(`the Retry-After of the ${status} was not obeyed`);
  const same = next.headers['webhook-id'] === refused.headers['webhook-id'];
  if (wanted === 'same' && (!same || next.body !== refused.body)) {
    faults.push(`the ${status} was not followed by the same webhook`);
  }
  if (wanted === 'newer' && (next.revision <= refused.revision || next.attempt !== 1)) {
    faults.push(`the revision that got the ${status} was not superseded`);
  }
  return faults;
}

/** A lead that was given another cluster begins a new life: its last revision is beyond all of the old one. */
function mergeFaults(steps: readonly Step[], requests: readonly Received[]): string[] {
  const moved = new Set<string>();
  for (const statement of steps.flatMap(({ statements }) => statements)) {
    if ('update' in statement && statement.update === 'lead' && 'lead_cluster_id' in statement.columns) {
      moved.add(String(statement.id));
    }
  }
  return [...moved]
    .filter((lead) => (requests.findLast(({ leadId }) => leadId === lead)?.revision ?? 0) < MOVED)
    .map((lead) => `lead ${lead} was merged and its revision does not say so`);
}

function ledgerFaults(ledger: Ledger): string[] {
  const faults: string[] = [];
  if (ledger.olderAfterNewer > 0) faults.push('an older revision came after a newer one');
  if (ledger.overlapping > 0) faults.push('two requests of one lead were under way at once');
  if (ledger.duplicates > 0) faults.push('a webhook was accepted twice');
  return faults;
}

function nameOf(request: Received | undefined): string {
  return ENDPOINTS.find(({ path }) => path === request?.path)?.id ?? 'no endpoint';
}
