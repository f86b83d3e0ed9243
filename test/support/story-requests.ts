/**
 * The requests of a receiver when the demo's story goes as it should, made from the story alone: what a faultless product
 * would have sent. Tests spoil them.
 */
import { type DemoEndpoint, TOKEN } from '../../src/dev/demo/cast.ts';
import type { Step } from '../../src/dev/demo/story.ts';
import type { Received } from '../../src/dev/receiver.ts';

interface Sent {
  readonly endpoint: DemoEndpoint;
  readonly lead: number;
  readonly revision: number;
  readonly body: object;
  readonly at: number;
}

/** A request as the receiver keeps it. */
export function request(sent: Sent, status = 204, attempt = 1): Received {
  const { endpoint, lead, revision, body, at } = sent;
  const { id, path, version, on, auth } = endpoint;
  const token = auth === 'bearer' ? { authorization: `Bearer ${TOKEN}` } : { 'x-authorization': TOKEN };
  const headers = {
    ...token,
    'content-type': 'application/json',
    'webhook-id': on === 'create' ? `${id}_${lead}` : `${id}_${lead}_${revision}`,
    'lead-webhook-version': version,
  };
  const common = { at, path, headers, body: JSON.stringify(body), leadId: String(lead) };
  return { ...common, version, revision, attempt, status };
}

/** All requests of the story, in order. */
export function storyRequests(steps: readonly Step[]): Received[] {
  const requests: Received[] = [];
  const revisions = new Map<string, number>();
  let at = 1_000_000;
  for (const { statements, expect, failure } of steps) {
    for (const statement of statements) {
      if ('update' in statement && statement.update === 'lead' && 'lead_cluster_id' in statement.columns) {
        for (const [key] of revisions) if (key.endsWith(` ${statement.id}`)) revisions.set(key, 2 ** 32);
      }
    }
    for (const { endpoint, lead, body } of expect) {
      const pair = `${endpoint.id} ${lead}`;
      const next = (): number => {
        const revision = (revisions.get(pair) ?? 0) + 1;
        revisions.set(pair, revision);
        return revision;
      };
      at += 100;
      let revision = next();
      const failed = failure?.endpoint === endpoint ? failure : undefined;
      if (failed !== undefined) {
        const outdated = failed.next === 'newer' ? { ...body, comments: 'outdated' } : body;
        requests.push(request({ endpoint, lead, revision, body: outdated, at }, failed.answer.status));
        at += 1_000;
        if (failed.next === 'newer') revision = next();
      }
      requests.push(request({ endpoint, lead, revision, body, at }, 204, failed?.next === 'same' ? 2 : 1));
    }
  }
  return requests;
}
