/**
 * The small HTTP server for the platform: `/livez`, `/readyz` (JSON, 200 or 503) and `/metrics` (Prometheus text). It reads what others
 * know and changes nothing. It has no authentication, so it listens on the loopback address unless it is told otherwise.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../lib/log.ts';
import { StartRefused } from '../lib/start-refused.ts';
import type { Health, HealthReport } from './health.ts';

export interface AdminDeps {
  readonly log: Log;
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly metrics: { readonly contentType: string; scrape(): Promise<string> };
}

/** The server could not listen. The message is one line that says what to change. */
export class AdminServerFailed extends StartRefused {
  override name = 'AdminServerFailed';
  readonly code = 'admin-server';
}

const PATHS = ['/livez', '/readyz', '/metrics'];
const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** The server: made, started, stopped, once each. */
export class AdminServer {
  readonly #deps: AdminDeps;
  readonly #server: Server;

  /** Makes the server; it listens after `start`. */
  constructor(deps: AdminDeps) {
    this.#deps = deps;
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#respond(request, response);
    });
  }

  /**
   * Listens.
   * @param at `port` 0 takes any free one.
   * @returns the address that was bound; also logged as `admin_listening`.
   * @throws AdminServerFailed when the port is in use, or the address cannot be bound.
   */
  async start(at: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(failureOf(error, at)));
      this.#server.listen(at.port, at.host, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', (error) =>
      this.#deps.log.warn({ event: 'admin_error', error }, 'the admin server failed'),
    );
    const { address: host, port } = this.#server.address() as AddressInfo;
    this.#deps.log.info({ event: 'admin_listening', host, port }, 'probes and metrics are served');
    return { host, port };
  }

  /** Closes the server and its connections. May be called before `start`, and more than once. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request);
    const headers = { 'content-type': answer.type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
    response.writeHead(answer.status, answer.status === 405 ? { ...headers, allow: 'GET, HEAD' } : headers);
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD');
    const path = (request.url ?? '').split('?')[0];
    if (path === '/livez') return json(this.#deps.health.live());
    if (path === '/readyz') return json(this.#deps.health.ready());
    if (path !== '/metrics') return text(404, `not found; there are ${PATHS.join(', ')}`);
    try {
      return { status: 200, type: this.#deps.metrics.contentType, body: await this.#deps.metrics.scrape() };
    } catch (error) {
      this.#deps.log.error({ event: 'scrape_failed', error }, 'the metrics could not be rendered');
      return text(500, 'the metrics could not be rendered');
    }
  }
}

function failureOf(error: Error, at: { readonly host: string; readonly port: number }): AdminServerFailed {
  const code = 'code' in error ? String(error.code) : 'unknown';
  const why =
    code === 'EADDRINUSE'
      ? 'it is in use. Set LEAD_WEBHOOKS_ADMIN_PORT to a free port, or to 0 for any'
      : `${code}. Look at LEAD_WEBHOOKS_ADMIN_HOST and LEAD_WEBHOOKS_ADMIN_PORT`;
  return new AdminServerFailed(`cannot listen on ${at.host} port ${at.port}: ${why}`, { cause: error });
}

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

const json = (report: HealthReport): Answer => ({
  status: report.ok ? 200 : 503,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(report)}\n`,
});
