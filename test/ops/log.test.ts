/** The log's lines as a collector sees them. */
import { expect, test } from 'vitest';
import { Secret } from '../../src/lib/secret.ts';
import { createLog, type LogLevel } from '../../src/ops/log.ts';

function logged(level: LogLevel, write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog(level, { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line is JSON with level, time, the fields and the sentence, and nothing else', () => {
  const [line] = logged('info', (log) => log.info({ event: 'task_loaded', partition: 3 }, 'the task is loaded'));
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    event: 'task_loaded',
    partition: 3,
    msg: 'the task is loaded',
  });
});

test('levels below the chosen one are not written', () => {
  const lines = logged('warn', (log) => {
    log.debug({}, 'a');
    log.info({}, 'b');
    log.warn({}, 'c');
    log.error({}, 'd');
  });
  expect(lines.map(({ msg }) => msg)).toEqual(['c', 'd']);
});

test('fields that sound like secrets or bodies are masked at every depth', () => {
  const fields = {
    password: 'hunter2',
    deep: { saslPassword: 'hunter2', list: [{ authorization: 'hunter2' }], clientSecret: { value: 'hunter2' } },
    headers: { cookie: 'hunter2' },
    body: 'hunter2',
    wrapped: new Secret('hunter2'),
    tooDeep: { a: { b: { c: { d: 'hunter2' } } } },
    bytes: Buffer.from('hunter2'),
  };
  const [line] = logged('info', (log) => log.info(fields, 'x'));
  expect(JSON.stringify(line)).not.toContain('hunter2');
  expect(line).toMatchObject({ password: '[secret]', body: '[left out]', wrapped: '[secret]', bytes: '[7 bytes]' });
});

test('an error is reduced to name, code, message, stack and cause', () => {
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', request: { token: 'hunter2' } });
  const [line] = logged('info', (log) => log.error({ error: new TypeError('broken', { cause }) }, 'x'));
  expect(line?.['error']).toEqual({
    name: 'TypeError',
    message: 'broken',
    stack: expect.stringContaining('log.test.ts'),
    cause: { name: 'Error', code: 'ECONNREFUSED', message: 'refused', stack: expect.any(String) },
  });
});

test('integers beyond the doubles do not stop a line', () => {
  const [line] = logged('info', (log) => log.info({ revision: 9007199254740993n }, 'x'));
  expect(line?.['revision']).toBe('9007199254740993');
});
