/** The sample that an endpoint is tried with, and what is told of the answer. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../../src/bin/commands/endpoints.ts';
import { runCommand } from '../support/command-context.ts';

let server: Server;
const seen: { headers: Record<string, unknown>; body: string }[] = [];
const ANSWER = 'jane@example.com is not wanted here';

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    seen.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    response.writeHead(request.url === '/no' ? 422 : 200).end(ANSWER);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function around(version: string) {
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rest = 'allow: { http: true, addresses: ["127.0.0.1/32"] }';
  const one = (id: string, path: string): string =>
    `  - { id: ${id}, dealership: 3, url: "http://${host}${path}", version: ${version}, auth: { type: bearer, token: { env: TOKEN } }, ${rest} }\n`;
  const files = { 'e.yaml': `endpoints:\n${one('crm', '/')}${one('erp', '/no')}` };
  return {
    env: { KAFKA_BROKERS: 'localhost:1', LEAD_WEBHOOKS_ENDPOINTS_FILE: 'e.yaml', TOKEN: 's3cr3t-t0ken' },
    files,
  };
}

test.each(['v1', 'v2', 'v3'])(
  '%s: the documented sample is sent as a delivery is, and marked as a test',
  async (version) => {
    const { code, out } = await runCommand(command, ['test', 'crm'], around(version));
    expect(code).toBe(0);
    expect(out).toMatch(/^crm: delivered \(http-200\) by 127\.0\.0\.1:\d+ in \d+ ms, an answer of 35 bytes$/);
    const { headers, body } = seen.at(-1) ?? { headers: {}, body: '' };
    const marks = {
      'lead-webhook-test': 'true',
      'lead-webhook-version': version,
      authorization: 'Bearer s3cr3t-t0ken',
    };
    expect(headers).toMatchObject(marks);
    expect(headers['webhook-id']).toMatch(/^crm_test-\d+_0$/);
    expect(body).toBe(readFileSync(new URL(`../golden/seed.${version}.json`, import.meta.url), 'utf8'));
  },
);

test('a refusal ends with 1, and neither answer nor token is told', async () => {
  const { code, out } = await runCommand(command, ['test', 'erp', '--json'], around('v3'));
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, outcome: 'refused', status: 422, answerBytes: ANSWER.length });
  expect(out).not.toMatch(/jane|s3cr3t/);
});

test('an endpoint that is not defined is told with the one that comes close', async () => {
  await expect(runCommand(command, ['test', 'crn'], around('v3'))).rejects.toThrow('did you mean "crm"?');
});
