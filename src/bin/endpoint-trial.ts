/**
 * `endpoints test ID`: one request with the documented sample, made by the very edge that delivers, so that address guard, TLS, token and
 * signature are tried too. It writes no state, and reads Kafka only for an endpoint that does not stand in the file but may in the topic. Of the answer only its status and size are told: it may say anything.
 */
import { readFileSync } from 'node:fs';
import { type AttemptResult, outcomeOf } from '../core/attempt.ts';
import type { Endpoint } from '../delivery/endpoint.ts';
import { HttpEdge } from '../delivery/http-edge.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { Config } from '../ops/config.ts';
import { briefLog, ConfigInvalid, type Context, loadConfig, outJson, UsageError } from './command.ts';
import { definitionsInFile, definitionsInTopic, unknownEndpoint } from './endpoint-definitions.ts';

const SAMPLES = new URL('../../schemas/outbound/', import.meta.url);

/** @returns 0 when the endpoint took the sample, else 1. @throws UsageError when no such endpoint is defined, ConfigInvalid for mistakes, StartRefused. */
export async function tryEndpoint(context: Context, id: string, asJson: boolean): Promise<number> {
  const config = loadConfig(context);
  const endpoint = await defined(context, config, id);
  const edge = new HttpEdge({ clock, log: briefLog(config) }, { productVersion: context.version });
  let bytes = 0;
  const startedAt = clock.now();
  const result = await edge.post(endpoint, {
    leadId: `test-${startedAt}`,
    version: endpoint.version,
    revision: 0,
    attempt: 1,
    body: readFileSync(new URL(`sample.${endpoint.version}.json`, SAMPLES)),
    trial: {
      onBody: (part) => {
        bytes += part.length;
      },
    },
  });
  const ms = clock.now() - startedAt;
  edge.close();
  return report(context, { endpoint, result, bytes, ms, asJson });
}

/** The endpoint as `run` would have it: of the file, or else of the topic. */
async function defined(context: Context, config: Config, id: string): Promise<Endpoint> {
  const { endpointsTopic: topic } = config.deliver;
  const file = definitionsInFile(context, config);
  if (file === null && topic === null) {
    const either = 'LEAD_WEBHOOKS_ENDPOINTS_FILE, LEAD_WEBHOOKS_ENDPOINTS_TOPIC';
    throw new ConfigInvalid([`${either}: one of them is required to test an endpoint`]);
  }
  if (file && file.problems.length > 0) throw new ConfigInvalid(file.problems);
  const endpoints = [...(file?.endpoints ?? [])];
  const inFile = endpoints.find((one) => one.id === id);
  if (inFile || topic === null) return inFile ?? unknown(id, endpoints);
  const set = await definitionsInTopic(context, config, topic);
  const problems = set.refused.filter((one) => one.id === id).flatMap((one) => one.problems);
  const lines = problems.map((problem) => `${topic}: ${id}: ${problem}`);
  const found = set.endpoints.find((one) => one.id === id);
  // An older definition that is still good is what a process has in effect: it is tried, and that it is not the last one is told.
  if (found && !found.heldBack) for (const line of lines) context.err(line);
  else if (lines.length > 0) throw new ConfigInvalid(lines);
  return found ?? unknown(id, [...endpoints, ...set.endpoints]);
}

function unknown(id: string, endpoints: readonly Endpoint[]): never {
  throw new UsageError(unknownEndpoint(id, endpoints));
}

function report(
  context: Context,
  by: { endpoint: Endpoint; result: AttemptResult; bytes: number; ms: number; asJson: boolean },
): number {
  const { endpoint, result, bytes, ms, asJson } = by;
  const { kind, code, status } = outcomeOf(result, endpoint.outcomes);
  const ok = kind === 'delivered';
  const host = endpoint.url.host;
  if (asJson) {
    outJson(context, {
      ok,
      endpoint: endpoint.id,
      host,
      version: endpoint.version,
      outcome: kind,
      code,
      status,
      ms,
      answerBytes: bytes,
    });
  } else {
    const sized = status === null ? '' : `, an answer of ${bytes} bytes`;
    context.out(`${endpoint.id}: ${kind} (${code}) by ${host} in ${ms} ms${sized}`);
  }
  return ok ? 0 : 1;
}
