/** The real program in a process of its own: streams, exit codes, and the help of every command. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/bin/commands.ts';

const PROGRAM = fileURLToPath(new URL('../../src/bin/lead-webhooks.ts', import.meta.url));

function program(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : error.code, out, err });
    });
  });
}

test('the help of the program lists every command and goes to stdout', async () => {
  const { code, out, err } = await program(['--help']);
  expect([code, err]).toEqual([0, '']);
  for (const name of Object.keys(COMMANDS)) expect(out).toMatch(new RegExp(`^ {2}${name} {2,}\\S`, 'm'));
});

test.each(Object.keys(COMMANDS))('the help of %s is complete: usage, exit codes, examples', async (name) => {
  const { code, out, err } = await program([name, '--help']);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(new RegExp(`^Usage: lead-webhooks ${name}`));
  for (const part of ['--help', 'Exit codes:', 'Examples:\n', `  lead-webhooks ${name}`]) expect(out).toContain(part);
  for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
});

test('findings go to stdout, and a wrong configuration ends with 2', async () => {
  const { code, out, err } = await program(['config', 'check'], { LEAD_WEBHOOKS_PARTITION: '3' });
  expect([code, err]).toEqual([2, '']);
  expect(out).toContain('did you mean LEAD_WEBHOOKS_PARTITIONS?');
});

test('the configuration comes from the environment of the process', async () => {
  const { code, out } = await program(['config', 'print'], { KAFKA_BROKERS: 'kafka:9092' });
  expect(code).toBe(0);
  expect(out).toContain('KAFKA_BROKERS=kafka:9092');
});

test('wrong usage is told on stderr, with 2', async () => {
  expect(await program(['confg'])).toEqual({
    code: 2,
    out: '',
    err: 'lead-webhooks: unknown command "confg", did you mean "config"?\nSee: lead-webhooks --help\n',
  });
});

test('a failure of the world is one line on stderr, with 1', async () => {
  const env = { KAFKA_BROKERS: 'a:1', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9' };
  const { code, out, err } = await program(['schemas', 'check'], env);
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^lead-webhooks: the schema registry cannot be reached \(.+\)\n$/);
});
