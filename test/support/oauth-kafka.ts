/**
 * A Kafka node that one logs in to with signed tokens (OAUTHBEARER, Kafka's own JWKS validator), and the provider of its tokens: an HTTP
 * server with a key, a JWKS document and a token endpoint. It needs Java also where the other tests run in containers, because the
 * validator and the keys' address are given at its start.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePorts } from '../../src/dev/free-ports.ts';
import { findJava } from '../../src/dev/java.ts';
import { launchNode } from '../../src/dev/kafka-node.ts';
import { answersApiVersions } from '../../src/dev/local-kafka.ts';
import { fetchArtifact, versionOf } from '../../src/dev/maven.ts';
import { untilReady } from '../../src/dev/readiness.ts';
import { ServicesUnavailable } from '../../src/dev/services-unavailable.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

export interface OAuthKafka extends AsyncDisposable {
  /** Where nobody has to log in. */
  readonly broker: string;
  /** Where a token is wanted. */
  readonly oauth: string;
  readonly provider: TokenProvider;
}

export const AUDIENCE = 'kafka';
const ISSUER = 'https://id.example';
/** How long a login lasts at most, ms. The client renews one so short after half of it. */
export const SESSION_MS = 8_000;
const START_TIMEOUT_MS = 60_000;
const KEY_ID = 'key-1';

/** The provider: what it says is set by a test, what it was asked is counted. */
export class TokenProvider {
  /** Of the answer to the next requests for a token. */
  status = 200;
  subject = 'lead-webhooks';
  /** Whose signature: the published key's or another one's. */
  honest = true;
  lifetimeSeconds = 3600;
  /** Forms that came. */
  readonly asked: Record<string, string>[] = [];
  readonly #pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  /** Listens on a port of its own on 127.0.0.1. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get keysUrl(): string {
    return `http://${this.host}/keys`;
  }

  get tokenUrl(): string {
    return `http://${this.host}/token`;
  }

  /** A signed token (RFC 7519). */
  token(): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: ISSUER, sub: this.subject, aud: AUDIENCE, iat: now, exp: now + this.lifetimeSeconds };
    const signed = `${part({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })}.${part(claims)}`;
    const { privateKey } = this.honest ? this.#pair : this.#other;
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/keys') {
      const key = { ...this.#pair.publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' };
      response.end(JSON.stringify({ keys: [key] }));
      return;
    }
    let body = '';
    for await (const part of request) body += String(part);
    this.asked.push(Object.fromEntries(new URLSearchParams(body)));
    const refusal = { error: 'invalid_client', error_description: 'words that must not be repeated' };
    const token = { access_token: this.token(), token_type: 'Bearer', expires_in: this.lifetimeSeconds };
    response.writeHead(this.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(this.status === 200 ? token : refusal));
  }
}

/** Starts both and returns when the node answers. Rejects, leaving nothing behind, when it does not come up. */
export async function startOAuthKafka(): Promise<OAuthKafka> {
  const signal = new AbortController().signal;
  const java = await findJava(17, process.env);
  if (java === null) throw new ServicesUnavailable('the tests of tokens need Java 17 or newer, also beside containers');
  const jars = await fetchArtifact('kafka', { log: silentLog, env: process.env, signal });
  const [port = 0, controllerPort = 0, oauthPort = 0] = await freePorts(3);
  const provider = new TokenProvider();
  await provider.listen();
  const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${provider.keysUrl}`;
  const listeners = `PLAINTEXT://127.0.0.1:${port},OAUTH://127.0.0.1:${oauthPort}`;
  const node = await launchNode(
    { java, jars, env: { ...process.env, JDK_JAVA_OPTIONS: allowed } },
    {
      ...{ id: 1, port, controllerPort, voters: [`1@127.0.0.1:${controllerPort}`], logFolder: null },
      settings: {
        listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': listeners,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,OAUTH:SASL_PLAINTEXT',
        'sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.oauth.sasl.oauthbearer.jwks.endpoint.url': provider.keysUrl,
        'listener.name.oauth.sasl.oauthbearer.expected.audience': AUDIENCE,
        'listener.name.oauth.sasl.oauthbearer.expected.issuer': ISSUER,
        'listener.name.oauth.oauthbearer.sasl.jaas.config':
          'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;',
        'listener.name.oauth.oauthbearer.sasl.server.callback.handler.class':
          'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler',
        'listener.name.oauth.oauthbearer.connections.max.reauth.ms': String(SESSION_MS),
      },
    },
  );
  try {
    const what = `Apache Kafka ${await versionOf('kafka', process.env)} with tokens`;
    const ask = async (): Promise<boolean> => (await answersApiVersions(port)) && (await answersApiVersions(oauthPort));
    await untilReady(node, { what, ask, timeoutMs: START_TIMEOUT_MS, clock, signal });
  } catch (error) {
    await Promise.all([node.stop(), provider.close()]);
    throw error;
  }
  return {
    ...{ broker: `127.0.0.1:${port}`, oauth: `127.0.0.1:${oauthPort}`, provider },
    async [Symbol.asyncDispose]() {
      await Promise.all([node.stop(), provider.close()]);
    },
  };
}
