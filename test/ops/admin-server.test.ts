/** The admin server by real HTTP on the loopback address. */
import { afterEach, expect, test } from 'vitest';
import type { Log, LogFields } from '../../src/lib/log.ts';
import { AdminServer, AdminServerFailed } from '../../src/ops/admin-server.ts';
import { Health } from '../../src/ops/health.ts';

const running: AdminServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function served(scrape: () => Promise<string> = async () => 'a 1\n') {
  const events: LogFields[] = [];
  const record = (fields: LogFields): void => {
    events.push(fields);
  };
  const log: Log = { debug: record, info: record, warn: record, error: record };
  const health = new Health();
  const server = new AdminServer({ log, health, metrics: { contentType: 'text/plain; version=0.0.4', scrape } });
  running.push(server);
  const at = await server.start({ host: '127.0.0.1', port: 0 });
  return { server, health, events, at, url: `http://${at.host}:${at.port}` };
}

test('/livez answers 200 from the start, and 503 once a watchdog fires', async () => {
  const { url, health } = await served();
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  health.onLive('progress', () => ({ ok: false, reason: 'no progress for 60 s' }));
  const answer = await fetch(`${url}/livez`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({
    ok: false,
    checks: { progress: { ok: false, reason: 'no progress for 60 s' } },
  });
});

test('/readyz answers 503 with the reasons until the process has started, then 200', async () => {
  const { url, health } = await served();
  const before = await fetch(`${url}/readyz`);
  expect(before.status).toBe(503);
  expect(await before.json()).toEqual({ ok: false, checks: { process: { ok: false, reason: 'starting' } } });
  health.started();
  const after = await fetch(`${url}/readyz?verbose`);
  expect(after.status).toBe(200);
  expect(after.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(after.headers.get('cache-control')).toBe('no-store');
});

test('/metrics answers in the format of Prometheus', async () => {
  const { url } = await served();
  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await answer.text()).toBe('a 1\n');
});

test('a scrape that fails is a 500 and a log line, not a crash', async () => {
  const { url, events } = await served(async () => {
    throw new Error('broken');
  });
  expect((await fetch(`${url}/metrics`)).status).toBe(500);
  expect(events).toContainEqual(expect.objectContaining({ event: 'scrape_failed' }));
});

test('other paths are not found and other methods not allowed', async () => {
  const { url } = await served();
  expect((await fetch(`${url}/`)).status).toBe(404);
  const posted = await fetch(`${url}/livez`, { method: 'POST' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${url}/livez`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('port 0 takes any free port, and the bound address is logged', async () => {
  const { at, events } = await served();
  expect(at.port).toBeGreaterThan(0);
  expect(events).toEqual([{ event: 'admin_listening', host: '127.0.0.1', port: at.port }]);
});

test('a port in use is one clear line that says what to change', async () => {
  const { at, server } = await served();
  const health = new Health();
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
  const second = new AdminServer({ log, health, metrics: { contentType: '', scrape: async () => '' } });
  const failure = await second.start(at).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(AdminServerFailed);
  expect((failure as Error).message).toBe(
    `cannot listen on 127.0.0.1 port ${at.port}: it is in use. Set LEAD_WEBHOOKS_ADMIN_PORT to a free port, or to 0 for any`,
  );
  await second.stop();
  await server.stop();
});

test('stop ends open connections, and may come twice', async () => {
  const { url, server } = await served();
  await (await fetch(`${url}/livez`)).text();
  await server.stop();
  await server.stop();
  await expect(fetch(`${url}/livez`)).rejects.toThrow();
});
