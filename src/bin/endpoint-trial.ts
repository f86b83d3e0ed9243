/**
 * `endpoints test ID`: one request with the documented sample, made by the very edge that delivers, so that address guard, TLS, token and
 * signature are tried too. It touches no Kafka and no state. Of the answer only its status and size are told: it may say anything.
 */
import { readFileSync } from 'node:fs';
import { type AttemptResult, outcomeOf } from '../core/attempt.ts';
import type { Endpoint } from '../delivery/endpoint.ts';
import { parseEndpoints } from '../delivery/endpoints.ts';
import { HttpEdge } from '../delivery/http-edge.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { nearest } from '../lib/nearest.ts';
import type { Config } from '../ops/config.ts';
import { briefLog, ConfigInvalid, type Context, loadConfig, outJson, UsageError } from './command.ts';
import { fileSecrets } from './endpoint-secrets.ts';

const SAMPLES = new URL('../../schemas/outbound/', import.meta.url);

/** @returns 0 when the endpoint took the sample, else 1. @throws UsageError when no such endpoint is defined, ConfigInvalid. */
export async function tryEndpoint(context: Context, id: string, asJson: boolean): Promise<number> {
  const config = loadConfig(context);
  const endpoints = definedEndpoints(context, config);
  if (endpoints === null) throw new ConfigInvalid(['LEAD_WEBHOOKS_ENDPOINTS_FILE: is required to test an endpoint']);
  const endpoint = endpoints.find((one) => one.id === id);
  if (endpoint === undefined) throw new UsageError(unknownEndpoint(id, endpoints));
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

/**
 * The endpoints of the configured file; null when none is configured.
 * @throws ConfigInvalid with every mistake of the file.
 */
export function definedEndpoints(context: Context, config: Config): readonly Endpoint[] | null {
  const { endpointsFile: file, sealKeys } = config.deliver;
  if (file === null) return null;
  let text: string;
  try {
    text = context.readFile(file);
  } catch {
    throw new ConfigInvalid([`LEAD_WEBHOOKS_ENDPOINTS_FILE: ${file} cannot be read`]);
  }
  const secrets = fileSecrets(context, { sealKeys });
  const { endpoints, mistakes } = parseEndpoints(text, { secrets, emittedVersions: config.payload.versions });
  if (mistakes.length === 0) return endpoints;
  throw new ConfigInvalid(mistakes.map(({ line, path, message }) => `${file}:${line}: ${path} ${message}`));
}

/** The sentence for an id that is not in the file. */
export function unknownEndpoint(id: string, endpoints: readonly Endpoint[]): string {
  const ids = endpoints.map((endpoint) => endpoint.id);
  const near = nearest(id, ids);
  return `no endpoint "${id}" is defined${near === null ? '' : `, did you mean "${near}"?`}`;
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
