/**
 * One request to a Confluent-compatible schema registry: deadline, basic auth, and the classification of every way in which
 * it may fail. It exists because the usual client has no deadline, reports a refused connection as status 400, drops the
 * `connect.*` attributes that say what a column is, and guards a subject only after its first schema. It never retries: the
 * callers know for how long waiting makes sense. No message holds a credential or a schema.
 */
export interface RegistryOptions {
  /** With the path that the server wants, e.g. `http://registry:8081` or `http://registry:8080/apis/ccompat/v7`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Deadline of one request with its answer, ms (5000). */
  readonly timeoutMs?: number;
}

export type UnavailableReason =
  | 'timeout' // no complete answer within the deadline
  | 'network' // refused, reset, name not found, TLS
  | 'server' // 5xx or 429
  | 'unauthorized' // 401, 403: credentials or rights are missing
  | 'not-a-registry'; // an answer that no registry gives: wrong URL, a proxy's page

/** The registry cannot answer now. Retriable: nothing about any record follows from it. */
export class RegistryUnavailable extends Error {
  override name = 'RegistryUnavailable';
  readonly code = 'registry-unavailable';
  readonly retriable = true;
  readonly reason: UnavailableReason;

  constructor(reason: UnavailableReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The registry understood and said no: an incompatible or invalid schema, a setting that may not be changed. */
export class RegistryRefused extends Error {
  override name = 'RegistryRefused';
  readonly code = 'registry-refused';
  readonly retriable = false;
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** An answer that says something: 200, or a 404 in the registry's own words. */
export type RegistryAnswer =
  | { readonly found: true; readonly body: Record<string, unknown> }
  | { readonly found: false };

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

/** Sends requests to one registry; keeps no state but its options. */
export class RegistryHttp {
  readonly #base: string;
  readonly #timeoutMs: number;
  readonly #authorization: string | null;

  constructor(options: RegistryOptions) {
    this.#base = options.url.replace(/\/+$/, '');
    this.#timeoutMs = options.timeoutMs ?? 5000;
    const { username, password } = options;
    this.#authorization =
      username === undefined ? null : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
  }

  /**
   * Sends one request. `path` starts with a slash, its parts already encoded.
   * Throws RegistryUnavailable or RegistryRefused, or the signal's reason when the signal aborts.
   */
  async request(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: object,
    signal?: AbortSignal,
  ): Promise<RegistryAnswer> {
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers: {
          accept: MEDIA_TYPE,
          ...(body === undefined ? {} : { 'content-type': MEDIA_TYPE }),
          ...(this.#authorization === null ? {} : { authorization: this.#authorization }),
        },
        redirect: 'error',
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return classify(response.status, parse(await response.text()));
    } catch (error) {
      if (error instanceof RegistryUnavailable || error instanceof RegistryRefused) throw error;
      signal?.throwIfAborted();
      if (deadline.aborted) {
        throw new RegistryUnavailable('timeout', `the schema registry did not answer within ${this.#timeoutMs} ms`);
      }
      throw new RegistryUnavailable('network', `the schema registry cannot be reached (${causeOf(error)})`);
    }
  }
}

/** What a status and a parsed body mean. A 404 counts as "not there" only in the registry's own words. */
function classify(status: number, body: Record<string, unknown> | null): RegistryAnswer {
  if (status >= 500 || status === 429) {
    throw new RegistryUnavailable('server', `the schema registry answered with status ${status}`);
  }
  if (status === 401 || status === 403) {
    throw new RegistryUnavailable('unauthorized', `the schema registry refuses these credentials (status ${status})`);
  }
  if (body === null) {
    throw new RegistryUnavailable(
      'not-a-registry',
      `status ${status} without the JSON of a schema registry: check the URL`,
    );
  }
  if (status >= 200 && status < 300) return { found: true, body };
  const code = body['error_code'];
  if (status === 404 && typeof code === 'number') return { found: false };
  if (status === 404) {
    throw new RegistryUnavailable('not-a-registry', 'status 404 without an error_code: check the path of the URL');
  }
  // Registries say 409 and 422 for both, incompatible and invalid.
  const what =
    status === 409 || status === 422 ? 'the schema is invalid or breaks compatibility' : 'the request was refused';
  throw new RegistryRefused(status, `schema registry: ${what} (status ${status}, error_code ${String(code)})`);
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The code of what went wrong below fetch (ECONNREFUSED, ENOTFOUND …); never its message, which may hold the URL. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.name : 'unknown error';
}
