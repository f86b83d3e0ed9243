import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Registry } from '../../src/kafka/registry.ts';
import { RegistryRefused, RegistryUnavailable } from '../../src/kafka/registry-http.ts';
import type { Clock } from '../../src/lib/clock.ts';

type Answer = { status: number; body?: unknown; text?: string } | 'hang' | 'reset';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Asked {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** A registry on loopback that answers as `answer` says; keeps what it was asked. */
async function serve(answer: (line: string) => Answer): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => void respond(request, response));
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const line = `${request.method} ${request.url}`;
    asked.push({ line, authorization: request.headers.authorization, body: text === '' ? null : JSON.parse(text) });
    const reply = answer(line);
    if (reply === 'hang') return;
    if (reply === 'reset') return void request.socket.destroy();
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(reply.text ?? JSON.stringify(reply.body));
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

const found = { status: 200, body: { schema: '{"type":"record","name":"A","fields":[]}' } };
const missing = { status: 404, body: { error_code: 40403, message: 'Schema not found' } };

function registry(
  url: string,
  more: { clock?: Clock; timeoutMs?: number; username?: string; password?: string } = {},
): Registry {
  const { clock = { now: () => 0, monotonic: () => 0, after: () => () => {} }, ...options } = more;
  return new Registry({ clock }, { url, ...options });
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RegistryUnavailable) return error.reason;
    throw error;
  }
  return 'none';
}

describe('a schema by id', () => {
  it('is fetched once, by however many it is wanted', async () => {
    const { url, asked } = await serve(() => found);
    const client = registry(`${url}/apis/ccompat/v7/`);
    const schemas = await Promise.all(Array.from({ length: 50 }, () => client.schemaById(5)));
    expect(await client.schemaById(5)).toBe(schemas[0]);
    expect(schemas[0]).toEqual({ type: 'AVRO', schema: { type: 'record', name: 'A', fields: [] }, references: [] });
    expect(asked.map(({ line }) => line)).toEqual(['GET /apis/ccompat/v7/schemas/ids/5']);
  });

  it('is unknown when the registry says so, and asked for again only after a minute', async () => {
    let now = 0;
    const { url, asked } = await serve(() => (asked.length > 1 ? found : missing));
    const client = registry(url, { clock: { now: () => now, monotonic: () => now, after: () => () => {} } });
    expect(await client.schemaById(5)).toBe('unknown');
    now = 59_999;
    expect(await client.schemaById(5)).toBe('unknown');
    expect(asked).toHaveLength(1);
    now = 60_000;
    expect(await client.schemaById(5)).toMatchObject({ type: 'AVRO' });
    expect(asked).toHaveLength(2);
  });

  it('below 1 is unknown without a question', async () => {
    const { url, asked } = await serve(() => found);
    expect(await registry(url).schemaById(0)).toBe('unknown');
    expect(await registry(url).schemaById(-7)).toBe('unknown');
    expect(asked).toEqual([]);
  });

  it('comes with the schemas that it names, in the order in which they can be compiled', async () => {
    const refers = (name: string): unknown => [{ name, subject: name, version: 3 }];
    const { url } = await serve((line) => {
      if (line.includes('/ids/')) return { status: 200, body: { schema: '"string"', references: refers('a/b') } };
      const inner = line.includes('a%2Fb') ? { schema: '"int"', references: refers('c') } : { schema: '"long"' };
      return { status: 200, body: inner };
    });
    expect(await registry(url).schemaById(5)).toEqual({ type: 'AVRO', schema: 'string', references: ['long', 'int'] });
  });

  it('in a form that is not known is refused, which no waiting mends', async () => {
    for (const body of [{ schema: '{' }, { schema: '{}', schemaType: 'THRIFT' }, {}]) {
      const { url } = await serve(() => ({ status: 200, body }));
      await expect(registry(url).schemaById(5)).rejects.toThrow(RegistryRefused);
    }
  });
});

describe('a registry that cannot answer', () => {
  const cases: [string, Answer, string][] = [
    ['500', { status: 500, body: { error_code: 50001 } }, 'server'],
    ['503 with a page', { status: 503, text: '<html>' }, 'server'],
    ['429', { status: 429, body: {} }, 'server'],
    ['401', { status: 401, text: '' }, 'unauthorized'],
    ['403', { status: 403, body: { error_code: 403 } }, 'unauthorized'],
    ['a 404 of another server', { status: 404, text: 'Not Found' }, 'not-a-registry'],
    ['a 404 of another JSON API', { status: 404, body: { detail: 'nothing here' } }, 'not-a-registry'],
    ['a page instead of JSON', { status: 200, text: '<html>' }, 'not-a-registry'],
    ['silence', 'hang', 'timeout'],
    ['a connection cut', 'reset', 'network'],
  ];
  it.each(cases)('(%s) is unavailable, and no record is blamed', async (_name, answer, reason) => {
    const { url } = await serve(() => answer);
    const timeoutMs = answer === 'hang' ? 100 : 10_000;
    expect(await reasonOf(registry(url, { timeoutMs }).schemaById(5))).toBe(reason);
  });

  it('because nothing listens there is unavailable, although fetch has no status for it', async () => {
    const { url } = await serve(() => found);
    await new Promise<void>((resolve) => void servers.pop()?.close(() => resolve()));
    expect(await reasonOf(registry(url).schemaById(5))).toBe('network');
  });

  it('is asked again by the next call: a failure is never kept', async () => {
    const { url, asked } = await serve(() => (asked.length > 1 ? found : { status: 500, body: {} }));
    const client = registry(url);
    expect(await reasonOf(client.schemaById(5))).toBe('server');
    expect(await client.schemaById(5)).toMatchObject({ type: 'AVRO' });
  });

  it('is named without its credentials', async () => {
    const { url } = await serve(() => 'reset');
    const failure = await registry(url, { username: 'u5er', password: 'pa55' }).schemaById(5).catch(String);
    expect(failure).not.toMatch(/u5er|pa55/);
  });
});

describe('credentials', () => {
  it('go along as basic authentication', async () => {
    const { url, asked } = await serve(() => found);
    await registry(url, { username: 'user', password: 'sécret:1' }).schemaById(5);
    expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from('user:sécret:1').toString('base64')}`);
  });
});

describe('registering an outbound schema', () => {
  const schema = { type: 'object' };
  const lines = (asked: readonly Asked[]): string[] => asked.map(({ line }) => line);

  it('sets the compatibility first, so that it guards this very version', async () => {
    const { url, asked } = await serve((line) => {
      if (line.startsWith('GET')) return { status: 404, body: { error_code: 40408 } };
      return { status: 200, body: line.startsWith('PUT') ? { compatibility: 'FULL_TRANSITIVE' } : { id: 12 } };
    });
    expect(await registry(url).register('lead-webhooks.outbound-v1', schema, 'FULL_TRANSITIVE')).toBe(12);
    const subject = 'lead-webhooks.outbound-v1';
    expect(lines(asked)).toEqual([
      `GET /config/${subject}`,
      `PUT /config/${subject}`,
      `POST /subjects/${subject}/versions`,
    ]);
    expect(asked[1]?.body).toEqual({ compatibility: 'FULL_TRANSITIVE' });
    expect(asked[2]?.body).toEqual({ schemaType: 'JSON', schema: '{"type":"object"}' });
  });

  it('sets it afterwards where the registry knows no settings of an unborn subject', async () => {
    let born = false;
    const { url, asked } = await serve((line) => {
      if (line.startsWith('POST')) {
        born = true;
        return { status: 200, body: { id: 12 } };
      }
      return line.startsWith('PUT') && born ? { status: 200, body: {} } : { status: 404, body: { error_code: 40401 } };
    });
    expect(await registry(url).register('s', schema, 'FULL_TRANSITIVE')).toBe(12);
    expect(lines(asked)).toEqual([
      'GET /config/s',
      'PUT /config/s',
      'POST /subjects/s/versions',
      'GET /config/s',
      'PUT /config/s',
    ]);
  });

  it('leaves a compatibility that is right as it is', async () => {
    const { url, asked } = await serve((line) =>
      line.startsWith('GET')
        ? { status: 200, body: { compatibilityLevel: 'full_transitive' } }
        : { status: 200, body: { id: 3 } },
    );
    await registry(url).register('s', schema, 'FULL_TRANSITIVE');
    expect(lines(asked)).toEqual(['GET /config/s', 'POST /subjects/s/versions']);
  });

  it('that is incompatible is refused', async () => {
    const { url } = await serve((line) =>
      line.startsWith('POST') ? { status: 409, body: { error_code: 409 } } : { status: 200, body: {} },
    );
    await expect(registry(url).register('s', schema, 'FULL_TRANSITIVE')).rejects.toThrow(RegistryRefused);
  });
});

describe('checking an outbound schema', () => {
  const check = async (answer: (line: string) => Answer): Promise<unknown> => {
    const { url } = await serve(answer);
    return registry(url).check('s', { type: 'object' });
  };

  it('finds it, with its id', async () => {
    expect(await check(() => ({ status: 200, body: { subject: 's', id: 12, version: 1 } }))).toEqual({
      state: 'same',
      id: 12,
    });
  });

  it('tells a subject with other schemas from one that is not there', async () => {
    expect(await check((line) => (line.startsWith('POST') ? missing : found))).toEqual({ state: 'different' });
    expect(await check(() => ({ status: 404, body: { error_code: 40401 } }))).toEqual({ state: 'missing' });
  });
});
