/** endpoints check, on files made for the test. What counts as a mistake is tested with the parser; here, how it is told. */
import { expect, test } from 'vitest';
import { ConfigInvalid, UsageError } from '../../../src/bin/command.ts';
import { command } from '../../../src/bin/commands/endpoints.ts';
import { runCommand } from '../../support/command-context.ts';

const GOOD = `endpoints:
  - id: crm
    dealership: 3
    url: https://crm.example.com/hooks
    version: v3
    auth: { type: bearer, token: { env: CRM_TOKEN } }
`;
const BAD = `endpoints:
  - id: crm
    dealership: 3
    url: ftp://crm.example.com
    version: v9
`;
const env = { CRM_TOKEN: 'hunter2' };

test('a good file is good, its secrets found in the environment and not shown', async () => {
  const files = { 'e.yaml': GOOD };
  expect(await runCommand(command, ['check', 'e.yaml'], { env, files })).toEqual({
    code: 0,
    out: 'e.yaml: good, 1 endpoint',
  });
});

test('a secret that is not there is a mistake', async () => {
  const { code, out } = await runCommand(command, ['check', 'e.yaml'], { files: { 'e.yaml': GOOD } });
  expect(code).toBe(1);
  expect(out).toMatch(/^e\.yaml:6: /);
});

test('every mistake is told with file and line, with 1', async () => {
  const { code, out } = await runCommand(command, ['check', 'e.yaml'], { files: { 'e.yaml': BAD } });
  expect(code).toBe(1);
  expect(out.split('\n').map((line) => line.replace(/ .*/, ''))).toEqual(['e.yaml:4:', 'e.yaml:5:']);
});

test('--json tells the same as one document', async () => {
  const { code, out } = await runCommand(command, ['check', 'e.yaml', '--json'], { files: { 'e.yaml': BAD } });
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, mistakes: [{ line: 4 }, { line: 5 }] });
});

test('an endpoint can only want a version that is emitted', async () => {
  const around = { env: { ...env, LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v1' }, files: { 'e.yaml': GOOD } };
  expect((await runCommand(command, ['check', 'e.yaml'], around)).code).toBe(1);
});

test.each([
  { session: '60000', timeoutMs: 40_000, code: 0 },
  { session: '10000', timeoutMs: 15_000, code: 1 },
  { session: '30000', timeoutMs: 21_000, code: 0 },
])(
  'a timeout is bounded by the session timeout as in a run: $timeoutMs of $session ms',
  async ({ session, timeoutMs, code }) => {
    const files = { 'e.yaml': `${GOOD}    limits: { timeoutMs: ${timeoutMs} }\n` };
    const around = { env: { ...env, LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: session }, files };
    expect((await runCommand(command, ['check', 'e.yaml'], around)).code).toBe(code);
  },
);

const KEY = Buffer.alloc(32, 5).toString('base64');
const SEALING = { LEAD_WEBHOOKS_SEAL_KEY: KEY };

test('a secret from stdin is sealed, and what is printed is understood in a definition of that endpoint alone', async () => {
  const { code, out } = await runCommand(command, ['seal', 'crm'], { env: SEALING, input: 'hunter2\n' });
  expect([code, out]).toEqual([0, expect.stringMatching(/^lw1\.[0-9a-f]{8}\.[\w-]+$/)]);
  const sealed = GOOD.replace('{ env: CRM_TOKEN }', `{ sealed: "${out}" }`);
  const checked = await runCommand(command, ['check', 'e.yaml'], { env: SEALING, files: { 'e.yaml': sealed } });
  expect(checked).toEqual({ code: 0, out: 'e.yaml: good, 1 endpoint' });
  const moved = { 'e.yaml': sealed.replace('id: crm', 'id: other') };
  const { out: problem } = await runCommand(command, ['check', 'e.yaml'], { env: SEALING, files: moved });
  expect(problem).toContain('the sealed text was sealed for another endpoint, or was altered');
  const { out: keyless } = await runCommand(command, ['check', 'e.yaml'], { files: { 'e.yaml': sealed } });
  expect(keyless).toContain('cannot be opened without LEAD_WEBHOOKS_SEAL_KEY');
});

test('the key may come from a file; without a key, an id or a secret nothing is sealed', async () => {
  const twin = { env: { LEAD_WEBHOOKS_SEAL_KEY_FILE: '/key' }, files: { '/key': `${KEY}\n` }, input: 'x' };
  expect((await runCommand(command, ['seal', 'crm'], twin)).code).toBe(0);
  await expect(runCommand(command, ['seal', 'crm'], { input: 'x' })).rejects.toThrow(
    'LEAD_WEBHOOKS_SEAL_KEY: is required',
  );
  const broken = { env: { LEAD_WEBHOOKS_SEAL_KEY: 'c2hvcnQ=' }, input: 'x' };
  await expect(runCommand(command, ['seal', 'crm'], broken)).rejects.toThrow(ConfigInvalid);
  await expect(runCommand(command, ['seal', 'Crm'], { env: SEALING, input: 'x' })).rejects.toThrow(UsageError);
  await expect(runCommand(command, ['seal', 'crm'], { env: SEALING, input: '\n' })).rejects.toThrow('empty');
  await expect(runCommand(command, ['seal'], { env: SEALING, input: 'x' })).rejects.toThrow(UsageError);
});

test('a file that cannot be read is wrong usage, a wrong version list a wrong configuration', async () => {
  await expect(runCommand(command, ['check', 'none.yaml'])).rejects.toThrow(
    new UsageError('none.yaml cannot be read (ENOENT)'),
  );
  const around = { env: { LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v9' }, files: { 'e.yaml': GOOD } };
  await expect(runCommand(command, ['check', 'e.yaml'], around)).rejects.toThrow(ConfigInvalid);
});
