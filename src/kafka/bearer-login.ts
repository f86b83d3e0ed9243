/**
 * The login with a bearer token (SASL OAUTHBEARER, RFC 7628, KIP-255). It takes the place of the client's own, which takes a broker's
 * refusal for a success: a broker answers a bad token with a document, and refuses only what is sent next, so that the client would see
 * nothing but a closed connection. Here a refusal is a failure that says so. Where the token comes from is the caller's matter.
 */
import type { AuthenticationProviderArgs, Mechanism } from 'kafkajs';
import { BEARER_TOKEN } from '../lib/client-credentials.ts';
import { KafkaFailure, type KafkaFailureCode } from './errors.ts';

export interface BearerLogin {
  /** Called for every connection and re-authentication (KIP-368); throws TokenFailure. */
  readonly token: () => Promise<string>;
  /** SASL extensions (KIP-342): what a provider wants to know besides, such as the logical cluster. */
  readonly extensions?: ReadonlyMap<string, string>;
}

/** There is no token to log in with. The message names where it should have come from, never what it is. */
export class TokenFailure extends KafkaFailure {
  readonly noToken = true;

  /** @param type the code of what went wrong below; empty = none. */
  constructor(code: Extract<KafkaFailureCode, 'unavailable' | 'authentication'>, message: string, type = '') {
    super(code, message, type);
  }
}

/** Ends the exchange after a refusal (RFC 7628, 3.2.3). */
const GIVE_UP = Buffer.from([1]);
/** The client puts the length before what it hands over, and wants it so. */
const LENGTH_BYTES = 4;

/** The client's mechanism for a login. The token is in no message and no log line. */
export function bearerMechanism({ token, extensions = new Map() }: BearerLogin): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const value = await token();
        if (!BEARER_TOKEN.test(value)) throw new TokenFailure('authentication', 'the token is not a bearer token');
        const refused = await exchange(saslAuthenticate, firstMessage(value, extensions)).catch(refusalOrThrow);
        if (refused === null) return;
        // The broker waits for this before it notes the reason in its log and closes the connection.
        await exchange(saslAuthenticate, GIVE_UP).catch(() => undefined);
        throw new KafkaFailure('authentication', 'the broker refuses the token', refused);
      },
    }),
  };
}

/** Sends one message of the exchange. @returns null = accepted; else the broker's word for the refusal. */
async function exchange(send: AuthenticationProviderArgs['saslAuthenticate'], message: Buffer): Promise<string | null> {
  const answer = await send({
    request: { encode: () => withLength(message) },
    response: { decode: (bytes) => bytes.subarray(LENGTH_BYTES), parse: (bytes) => bytes },
  });
  return Buffer.isBuffer(answer) && answer.length > 0 ? statusOf(answer) : null;
}

/** What a broker refuses after it has found the token good: another principal than before, an extension. */
function refusalOrThrow(error: unknown): string {
  const type = (error as { type?: unknown } | null)?.type;
  if (type === 'SASL_AUTHENTICATION_FAILED') return type;
  throw error;
}

function firstMessage(token: string, extensions: ReadonlyMap<string, string>): Buffer {
  const pairs = [['auth', `Bearer ${token}`], ...extensions].map(([name, value]) => `${name}=${value}\x01`);
  return Buffer.from(`n,,\x01${pairs.join('')}\x01`);
}

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** The `status` of the document; only a plain word is taken from it. */
function statusOf(document: Buffer): string {
  const word = /"status"\s*:\s*"([a-z_]{1,40})"/.exec(document.toString())?.[1];
  return word ?? 'refused';
}
