/** schemas check and register against a small registry made for the test, by real HTTP on the loopback address. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { ConfigInvalid } from '../../../src/bin/command.ts';
import { command } from '../../../src/bin/commands/schemas.ts';
import { runCommand } from '../../support/command-context.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Subject → registered schema texts; an id is the place in the list of all. */
class SmallRegistry {
  readonly subjects = new Map<string, string[]>();
  readonly compatibility = new Map<string, string>();
  readonly ids: string[] = [];

  answer(method: string, path: string, body: Record<string, string>): [number, object] {
    const [, kind, subject = '', rest] = path.split('/').map(decodeURIComponent);
    if (kind === 'config' && method === 'PUT') {
      this.compatibility.set(subject, body['compatibility'] ?? '');
      return [200, { compatibility: body['compatibility'] }];
    }
    if (kind === 'config') return this.#found({ compatibilityLevel: this.compatibility.get(subject) });
    const known = this.subjects.get(subject) ?? [];
    const schema = body['schema'] ?? '';
    if (method === 'POST' && rest === 'versions') {
      if (!known.includes(schema)) this.subjects.set(subject, [...known, schema]);
      if (!this.ids.includes(schema)) this.ids.push(schema);
      return [200, { id: this.ids.indexOf(schema) + 1 }];
    }
    if (method === 'POST') return this.#found(known.includes(schema) ? { id: this.ids.indexOf(schema) + 1 } : {});
    return this.#found({ schema: known.at(-1) });
  }

  #found(body: object): [number, object] {
    const there = Object.values(body).some((value) => value !== undefined);
    return there ? [200, body] : [404, { error_code: 40401, message: 'not found' }];
  }
}

async function served(registry: SmallRegistry): Promise<Record<string, string>> {
  const handle = async (request: IncomingMessage): Promise<[number, object]> => {
    const sent = await text(request);
    return registry.answer(request.method ?? '', request.url ?? '', sent === '' ? {} : JSON.parse(sent));
  };
  const server = createServer((request, response) => {
    void handle(request).then(([status, body]) => response.writeHead(status).end(JSON.stringify(body)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { KAFKA_BROKERS: 'a:1', SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port}` };
}

const SUBJECTS = ['v1', 'v2', 'v3'].map((version) => `lead-webhooks.outbound-${version}`);

test('check names what is missing and how to mend it, changes nothing, and ends with 1', async () => {
  const registry = new SmallRegistry();
  const { code, out } = await runCommand(command, ['check'], { env: await served(registry) });
  expect(code).toBe(1);
  expect(out.split('\n')).toEqual([
    ...SUBJECTS.map((subject) => `${subject}: missing`),
    'Mend it with: lead-webhooks schemas register',
  ]);
  expect(registry.subjects.size).toBe(0);
});

test('register registers all versions with their compatibility, then check is good', async () => {
  const registry = new SmallRegistry();
  const env = await served(registry);
  const registered = await runCommand(command, ['register'], { env });
  expect(registered.code).toBe(0);
  expect(registered.out.split('\n')[0]).toBe('lead-webhooks.outbound-v1: registered now (id 1)');
  expect([...registry.subjects.keys()]).toEqual(SUBJECTS);
  expect([...registry.compatibility]).toEqual(SUBJECTS.map((subject) => [subject, 'FULL_TRANSITIVE']));
  const checked = await runCommand(command, ['check', '--json'], { env });
  expect(checked.code).toBe(0);
  expect(JSON.parse(checked.out)).toMatchObject({
    ok: true,
    schemas: [{ state: 'same', id: 1 }, { id: 2 }, { id: 3 }],
  });
});

test('register may be repeated', async () => {
  const env = await served(new SmallRegistry());
  await runCommand(command, ['register'], { env });
  const { code, out } = await runCommand(command, ['register'], { env });
  expect([code, out.split('\n')[0]]).toEqual([0, 'lead-webhooks.outbound-v1: as it should be (id 1)']);
});

test('only the versions that are emitted count', async () => {
  const registry = new SmallRegistry();
  const env = { ...(await served(registry)), LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v3' };
  await runCommand(command, ['register'], { env });
  expect([...registry.subjects.keys()]).toEqual(['lead-webhooks.outbound-v3']);
});

test('a subject that holds another schema is told as such', async () => {
  const registry = new SmallRegistry();
  registry.subjects.set('lead-webhooks.outbound-v1', ['{}']);
  const { code, out } = await runCommand(command, ['check'], { env: await served(registry) });
  expect([code, out.split('\n')[0]]).toEqual([1, 'lead-webhooks.outbound-v1: holds other schemas only']);
});

test('without a registry the configuration is refused', async () => {
  await expect(runCommand(command, ['check'], { env: { KAFKA_BROKERS: 'a:1' } })).rejects.toThrow(ConfigInvalid);
});
