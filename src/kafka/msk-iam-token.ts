/**
 * The token by which Amazon MSK knows an IAM role: an address of the service with a signature (SigV4) that is good for 15 minutes. AWS's own
 * packages find the credentials (environment, web identity, pod identity, instance) and sign; they are loaded when the first token is
 * needed. Nothing is cached here: signing is local, and the packages keep credentials until shortly before their end.
 */
import type { Clock } from '../lib/clock.ts';
import { TokenFailure } from './bearer-login.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface MskIam {
  /** Of the cluster, such as `ap-southeast-2`. */
  readonly region: string;
  /** Of the assumed role, where a web identity is exchanged for it. The same for ever: brokers want the same name at each login. */
  readonly sessionName: string;
  /** Where credentials come from, for tests; absent = AWS's default chain. */
  readonly credentials?: () => Promise<Credentials>;
}

const SERVICE = 'kafka-cluster';
const LIFETIME_SECONDS = 900;
/** How long the search for credentials may take, ms. */
const CREDENTIALS_TIMEOUT_MS = 10_000;

/** A source of tokens; each call signs a new one. Throws TokenFailure `unavailable` when no credentials are found in time. */
export function mskIamTokens(clock: Clock, options: MskIam): () => Promise<string> {
  const { region } = options;
  let source: Promise<() => Promise<Credentials>> | null = null;
  return async () => {
    const { SignatureV4 } = await import('@smithy/signature-v4');
    const { Sha256 } = await import('@smithy/core/checksum');
    source ??= credentialsOf(options);
    const find = await source;
    const credentials = await inTime(clock, find());
    const signer = new SignatureV4({ service: SERVICE, region, credentials, sha256: Sha256, applyChecksum: false });
    const hostname = `kafka.${region}.amazonaws.com`;
    const request = {
      method: 'GET',
      protocol: 'https:',
      hostname,
      path: '/',
      headers: { host: hostname },
      query: { Action: `${SERVICE}:Connect` },
    };
    const presigned = await signer.presign(request, {
      expiresIn: LIFETIME_SECONDS,
      signingDate: new Date(clock.now()),
    });
    // Said after signing: it is for the service's log, and no part of the signature.
    const query = new URLSearchParams({
      ...(presigned.query as Record<string, string>),
      'User-Agent': 'lead-webhooks',
    });
    return Buffer.from(`https://${hostname}/?${query}`).toString('base64url');
  };
}

async function credentialsOf({ region, sessionName, credentials }: MskIam): Promise<() => Promise<Credentials>> {
  if (credentials !== undefined) return credentials;
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider({ clientConfig: { region }, roleSessionName: sessionName });
}

/** The packages' messages can name accounts and files, so only the kind of their error is kept. */
async function inTime(clock: Clock, finding: Promise<Credentials>): Promise<Credentials> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(CREDENTIALS_TIMEOUT_MS, () => reject(new Error('late')));
  });
  try {
    return await Promise.race([finding, late]);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    throw new TokenFailure('unavailable', 'no AWS credentials were found for Kafka', name === 'Error' ? '' : name);
  } finally {
    cancel();
  }
}
