/**
 * The token for MSK. Signatures are compared with those that botocore made, an implementation of its own (test/support/msk-iam-vectors.py);
 * where credentials come from is tried with AWS's own packages against servers on the loopback. No AWS was asked.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { mskIamTokens } from '../../src/kafka/msk-iam-token.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { receiver } from '../support/loopback.ts';
import recorded from '../support/msk-iam-vectors.json' with { type: 'json' };
import { scratchFolder } from '../support/scratch.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const REGION = 'ap-southeast-2';
const none = async () => Promise.reject(new Error('of an account'));

const urlIn = (token: string): URL => new URL(Buffer.from(token, 'base64url').toString());

/** An environment in which nothing of AWS is set, and no instance is asked. */
function environment(settings: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each(recorded.vectors)(
  'a token is what botocore signs, for $region at $at',
  async ({ region, at, credentials, url }) => {
    const token = await mskIamTokens(new VirtualClock(Date.parse(at)), {
      region,
      sessionName: 's',
      credentials: async () => credentials,
    })();
    expect(token).toMatch(/^[\w-]+$/);
    const ours = urlIn(token);
    const theirs = new URL(url);
    expect(ours.origin + ours.pathname).toBe(theirs.origin + theirs.pathname);
    expect(Object.fromEntries(ours.searchParams)).toEqual({
      ...Object.fromEntries(theirs.searchParams),
      'User-Agent': 'lead-webhooks',
    });
  },
);

test('each token is signed anew, with the credentials of the moment', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const credentials = async () => ({ accessKeyId: `key-${++asked}`, secretAccessKey: 's' });
  const token = mskIamTokens(clock, { region: REGION, sessionName: 's', credentials });
  const first = urlIn(await token()).searchParams;
  clock.advance(60_000);
  const second = urlIn(await token()).searchParams;
  expect([first, second].map((of) => of.get('X-Amz-Credential')?.split('/')[0])).toEqual(['key-1', 'key-2']);
  expect(second.get('X-Amz-Date')).not.toBe(first.get('X-Amz-Date'));
});

test('credentials of the environment are found', async () => {
  environment({ AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 's' });
  const { searchParams } = urlIn(await mskIamTokens(systemClock, { region: REGION, sessionName: 's' })());
  expect(searchParams.get('X-Amz-Credential')).toMatch(
    new RegExp(`^AKIDENV/\\d{8}/${REGION}/kafka-cluster/aws4_request$`),
  );
});

test('the agent of a pod’s identity is asked with the token of the service account', async () => {
  await using scratch = await scratchFolder();
  const tokenFile = join(scratch.folder, 'token');
  await writeFile(tokenFile, 'of-the-service-account');
  let authorization: string | undefined;
  const port = await receiver((request, response) => {
    authorization = request.headers.authorization;
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    response.end(JSON.stringify({ AccessKeyId: 'AKIDPOD', SecretAccessKey: 's', Token: 't', Expiration }));
  });
  environment({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
  });
  const { searchParams } = urlIn(await mskIamTokens(systemClock, { region: REGION, sessionName: 's' })());
  expect(searchParams.get('X-Amz-Credential')).toMatch(/^AKIDPOD\//);
  expect(searchParams.get('X-Amz-Security-Token')).toBe('t');
  expect(authorization).toBe('of-the-service-account');
});

test('a web identity is exchanged for a role, under the session name that never changes', async () => {
  await using scratch = await scratchFolder();
  const tokenFile = join(scratch.folder, 'token');
  await writeFile(tokenFile, 'of-the-service-account');
  let asked = new URLSearchParams();
  const port = await receiver(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    asked = new URLSearchParams(body);
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    const keys =
      '<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>';
    const credentials = `<Credentials>${keys}<Expiration>${expiration}</Expiration></Credentials>`;
    const result = `<AssumeRoleWithWebIdentityResult>${credentials}</AssumeRoleWithWebIdentityResult>`;
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(`<AssumeRoleWithWebIdentityResponse>${result}</AssumeRoleWithWebIdentityResponse>`);
  });
  environment({
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/lead-webhooks',
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}`,
  });
  const { searchParams } = urlIn(await mskIamTokens(systemClock, { region: REGION, sessionName: 'our-app' })());
  expect(searchParams.get('X-Amz-Credential')).toMatch(/^ASIAROLE\//);
  expect(Object.fromEntries(asked)).toMatchObject({
    Action: 'AssumeRoleWithWebIdentity',
    RoleSessionName: 'our-app',
    WebIdentityToken: 'of-the-service-account',
  });
});

test('credentials that are not found, or not in time, are a failure that can heal and tells nothing of the account', async () => {
  const said = 'no AWS credentials were found for Kafka';
  await expect(
    mskIamTokens(systemClock, { region: REGION, sessionName: 's', credentials: none })(),
  ).rejects.toMatchObject({
    code: 'unavailable',
    message: said,
  });
  environment({});
  await expect(mskIamTokens(systemClock, { region: REGION, sessionName: 's' })()).rejects.toMatchObject({
    code: 'unavailable',
    message: `${said} (CredentialsProviderError)`,
  });
  const clock = new VirtualClock();
  const never = () => new Promise<never>(() => undefined);
  const late = mskIamTokens(clock, { region: REGION, sessionName: 's', credentials: never })();
  late.catch(() => undefined);
  await vi.waitFor(() => expect(clock.waiting).toBe(1));
  clock.advance(10_000);
  await expect(late).rejects.toMatchObject({ code: 'unavailable', message: said });
});
