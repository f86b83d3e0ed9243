import { expect, test } from 'vitest';
import { fileSecrets, topicSecrets } from '../../src/bin/endpoint-secrets.ts';
import { Seal } from '../../src/delivery/seal.ts';
import { Secret } from '../../src/lib/secret.ts';

const FILES: Record<string, string> = {
  '/run/secrets/kafka': 'k',
  '/run/endpoints/crm': 'c',
  '/run/endpoints2/x': 'x',
};
const context = {
  env: { KAFKA_SASL_PASSWORD: 'p', ENDPOINT_SECRET_CRM: 'e' },
  readFile(path: string): string {
    const text = FILES[path];
    if (text === undefined) throw new Error('not there');
    return text;
  },
};
const MAY_NOT = { problem: expect.stringContaining('may not be named by the endpoints topic') };

test('the file of the operator may name every file and variable', () => {
  const secrets = fileSecrets(context, { sealKeys: null });
  expect([secrets.file('/run/secrets/kafka'), secrets.env('KAFKA_SASL_PASSWORD')]).toEqual(['k', 'p']);
  expect([secrets.file('/nowhere'), secrets.env('NOWHERE')]).toEqual([null, null]);
  expect(secrets.sealed).toBeUndefined();
});

test.each([
  '/run/secrets/kafka',
  '/run/endpoints/../secrets/kafka',
  '/run/endpoints2/x',
  '/run/endpoints',
  'run/endpoints/crm',
  '/run//endpoints/crm',
  '../endpoints/crm',
  '/proc/self/environ',
])('the topic may not name a file outside of its folder: %s', (path) => {
  for (const topicSecretsDir of ['/run/endpoints', '/run/endpoints/']) {
    expect(topicSecrets(context, { topicSecretsDir, sealKeys: null }).file(path)).toEqual(MAY_NOT);
  }
});

test('the topic may name files of its folder and variables with its prefix, and nothing when it has no folder', () => {
  const secrets = topicSecrets(context, { topicSecretsDir: '/run/endpoints', sealKeys: null });
  expect([secrets.file('/run/endpoints/crm'), secrets.file('/run/endpoints/other')]).toEqual(['c', null]);
  expect([secrets.env('ENDPOINT_SECRET_CRM'), secrets.env('KAFKA_SASL_PASSWORD')]).toEqual(['e', MAY_NOT]);
  const without = topicSecrets(context, { topicSecretsDir: null, sealKeys: null });
  expect(without.file('/run/endpoints/crm')).toEqual(MAY_NOT);
});

test('with keys, sealed secrets open in both places', () => {
  const sealKeys = [new Secret(Buffer.alloc(32, 3).toString('base64'))];
  const sealed = new Seal(sealKeys).seal(new Secret('token'), 'crm', Buffer.alloc(12));
  for (const secrets of [
    fileSecrets(context, { sealKeys }),
    topicSecrets(context, { topicSecretsDir: null, sealKeys }),
  ]) {
    expect([secrets.sealed?.(sealed, 'crm'), secrets.sealed?.(sealed, 'other')]).toEqual([
      'token',
      { problem: expect.any(String) },
    ]);
  }
});
