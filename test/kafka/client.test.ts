import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clientLog, createKafka } from '../../src/kafka/client.ts';
import { internal } from '../../src/kafka/fixes/internals.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import type { Log } from '../../src/lib/log.ts';

function recordingLog(): { log: Log; lines: [string, object, string][] } {
  const lines: [string, object, string][] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push([level, fields, message]);
  };
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

describe('the client’s log', () => {
  const { ERROR, WARN, INFO, DEBUG } = kafkajs.logLevel;
  const write = (level: number, fields: object): [string, object, string][] => {
    const { log, lines } = recordingLog();
    const entry = { namespace: 'Connection', level, label: 'X', log: { timestamp: 't', message: 'said', ...fields } };
    clientLog(log)(level)(entry as never);
    return lines;
  };

  it('is toned down where the error is an answer or is tried again', () => {
    expect(write(ERROR, { correlationId: 5 })[0]?.[0]).toBe('debug');
    expect(write(ERROR, { retryCount: 0, retryTime: 50 })[0]?.[0]).toBe('debug');
    expect(write(ERROR, { retryCount: 6, retryTime: 900 })[0]?.[0]).toBe('warn');
    expect(write(ERROR, {})[0]?.[0]).toBe('warn');
    expect(write(WARN, {})[0]?.[0]).toBe('warn');
    expect(write(INFO, {})[0]?.[0]).toBe('debug');
  });

  it('never shows debug lines, which can hold answers', () => {
    expect(write(DEBUG, { data: 'x' })).toEqual([]);
  });

  it('lets only known fields through', () => {
    const lines = write(WARN, {
      broker: 'b:1',
      payload: Buffer.from('x'),
      stack: 's',
      error: { nested: 1 },
      topic: 't',
    });
    expect(lines).toEqual([['warn', { broker: 'b:1', topic: 't' }, 'kafka client: Connection said']]);
  });
});

describe('createKafka', () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.close();
    server = null;
  });

  it('makes producers and consumers that never create topics, also where the caller asks for it', () => {
    const Cluster = internal('cluster') as { prototype: object };
    const { log } = recordingLog();
    const kafka = createKafka({ brokers: ['h:1'], clientId: 'c' }, log);
    const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.includes('createCluster'));
    const made: { allowAutoTopicCreation?: boolean }[] = [];
    const create = Reflect.get(kafka, key as symbol) as (options: object) => object;
    Reflect.set(kafka, key as symbol, (options: { allowAutoTopicCreation?: boolean }) => {
      made.push(options);
      return create(options);
    });
    kafka.producer({ allowAutoTopicCreation: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    kafka.consumer({ groupId: 'g', allowAutoTopicCreation: true });
    kafka.admin();
    expect(made.map(({ allowAutoTopicCreation }) => allowAutoTopicCreation)).toEqual([false, false, false]);
    expect(create({})).toBeInstanceOf(Cluster);
  });

  it('asks for a token for each connection with OAUTHBEARER, and logs it nowhere', async () => {
    const { log, lines } = recordingLog();
    const token = vi.fn(async () => 'secret-token');
    const { port, said } = await listening();
    const kafka = createKafka(
      { brokers: [`127.0.0.1:${port}`], clientId: 'c', sasl: { mechanism: 'oauthbearer', token } },
      log,
    );
    const admin = kafka.admin({ retry: { retries: 0 } });
    await expect(admin.connect()).rejects.toThrow();
    await admin.disconnect();
    expect(said().length).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toContain('secret-token');
  });

  it('sends small requests at once', async () => {
    const { port } = await listening();
    const noDelay = vi.spyOn((await import('node:net')).Socket.prototype, 'setNoDelay');
    const admin = createKafka({ brokers: [`127.0.0.1:${port}`], clientId: 'c' }, recordingLog().log).admin({
      retry: { retries: 0 },
    });
    await expect(admin.connect()).rejects.toThrow();
    await admin.disconnect();
    expect(noDelay).toHaveBeenCalledWith(true);
    noDelay.mockRestore();
  });

  /** A server that hangs up on the first request. */
  async function listening(): Promise<{ port: number; said: () => Buffer }> {
    const heard: Buffer[] = [];
    const own = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        heard.push(bytes);
        socket.end();
      });
    });
    server = own;
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    return { port: (own.address() as AddressInfo).port, said: () => Buffer.concat(heard) };
  }
});
