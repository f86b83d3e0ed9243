/** The story itself: bodies that the contract allows, endpoints that the product accepts. */
import { expect, test } from 'vitest';
import { parseEndpoints } from '../../../src/delivery/endpoints.ts';
import { ENDPOINTS, endpointsFile, TOKEN, TOKEN_NAME } from '../../../src/dev/demo/cast.ts';
import { STORY } from '../../../src/dev/demo/story.ts';
import { outboundValidator } from '../../support/outbound-schemas.ts';

test('the endpoints file of the demo has no mistake', () => {
  const secrets = { env: (name: string) => (name === TOKEN_NAME ? TOKEN : null), file: () => null };
  const parsed = parseEndpoints(endpointsFile('http://127.0.0.1:1'), { secrets, emittedVersions: ['v1', 'v2', 'v3'] });
  expect(parsed.mistakes).toEqual([]);
  expect(parsed.endpoints.map(({ id }) => id)).toEqual(ENDPOINTS.map(({ id }) => id));
});

test('every body that the story expects is one that the contract allows', () => {
  for (const { endpoint, body } of STORY.flatMap((step) => step.expect)) {
    const validate = outboundValidator(endpoint.version);
    validate(body);
    expect(validate.errors).toBeNull();
  }
});

test('the story has what it promises: a failure of each kind, and a merge', () => {
  expect(STORY.flatMap(({ failure }) => failure?.answer.status ?? [])).toEqual([500, 429, 503]);
  const tables = STORY.flatMap(({ statements }) => [
    new Set(statements.flatMap((one) => ('update' in one && 'lead_cluster_id' in one.columns ? one.update : []))),
  ]);
  expect(tables).toContainEqual(new Set(['test_drive', 'appointment', 'lead']));
});
