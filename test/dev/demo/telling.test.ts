/** The words of the demo. */
import { expect, test } from 'vitest';
import { ARCHIVE, CRM } from '../../../src/dev/demo/cast.ts';
import { deliveryLine, remark, stepLine, summaryLine } from '../../../src/dev/demo/telling.ts';
import { request } from '../../support/story-requests.ts';

const PLAIN = { colours: false };
const COLOURS = { colours: true };
const sent = { endpoint: CRM, lead: 138559, revision: 1, body: { comments: 'private' }, at: 0 };
const told = { request: request(sent), cause: 'created', afterMs: 63, waited: false } as const;

test('a request is one line with endpoint, lead, version, revision, cause, status and time', () => {
  expect(deliveryLine(told, PLAIN)).toBe(
    '    orange-crm      lead 138559  v3  revision 1           created  204      63 ms after the change',
  );
});

test('a retry says which attempt it is', () => {
  const retry = { ...told, request: request(sent, 204, 2) };
  expect(deliveryLine(retry, PLAIN)).toMatch(/after the change {2}attempt 2$/);
});

test('lines are aligned, whatever the endpoint and however large the revision', () => {
  const other = request({ ...sent, endpoint: ARCHIVE, revision: 4_294_967_297 });
  const columns = (line: string): number => line.indexOf(' ms after');
  expect(columns(deliveryLine({ ...told, request: other, afterMs: 1063 }, PLAIN))).toBe(
    columns(deliveryLine(told, PLAIN)),
  );
});

test('colours come only when asked for, and say whether the request was accepted', () => {
  const codes = '\u001b[';
  for (const text of [deliveryLine(told, PLAIN), stepLine(1, 'a', PLAIN), remark('a', PLAIN)]) {
    expect(text).not.toContain(codes);
  }
  const shown = (status: number): string => deliveryLine({ ...told, request: request(sent, status) }, COLOURS);
  expect([shown(204), shown(429), shown(500)]).toEqual([
    expect.stringContaining(`${codes}32m204`),
    expect.stringContaining(`${codes}33m429`),
    expect.stringContaining(`${codes}31m500`),
  ]);
});

test('no line shows a body or a token', () => {
  expect(deliveryLine(told, PLAIN)).not.toMatch(/private|token/);
});

test('the last line has the form that scripts rely on', () => {
  const figures = { deliveries: 15, retried: 2, p50: 40, p99: 202 };
  expect(summaryLine(14, figures, null)).toBe(
    'demo: 14 changes, 15 deliveries, 2 retried, p50 40 ms, p99 202 ms, story ok',
  );
  expect(summaryLine(0, { deliveries: 0, retried: 0, p50: null, p99: null }, 'no\nbroker')).toBe(
    'demo: 0 changes, 0 deliveries, 0 retried, p50 0 ms, p99 0 ms, story wrong: no broker',
  );
});
