/** Receivers on the loopback, well-behaved and raw, and the edge that talks to them. Everything is closed when the test ends. */
import type { LookupAddress } from 'node:dns';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import { HttpEdge } from '../../src/delivery/http-edge.ts';
import type { PostRequest } from '../../src/delivery/post.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { type Log, type LogFields, silentLog } from '../../src/lib/log.ts';
import { testEndpoint } from './deliver-world.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export const REQUEST: PostRequest = {
  leadId: '138559',
  version: 'v3',
  revision: 4294967297,
  attempt: 2,
  body: Buffer.from('{"id":138559,"name":"Zoë"}'),
};

/** Listens on 127.0.0.1; returns the port. */
export async function receiver(handler: Handler, server: Server = createServer()): Promise<number> {
  server.on('request', handler);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that gets each socket when its first bytes have come; returns the port. */
export async function rawReceiver(onRequest: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => onRequest(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

export interface EdgeOptions {
  /** The addresses of a name; as this machine is configured when absent. */
  readonly resolve?: (name: string) => Promise<readonly LookupAddress[]>;
  readonly log?: Log;
  readonly clock?: Clock;
}

export function edge(options: EdgeOptions = {}): HttpEdge {
  const made = new HttpEdge({ clock: systemClock, log: silentLog, ...options }, { productVersion: '1.2.3' });
  onTestFinished(() => made.close());
  return made;
}

/** An endpoint at a port of 127.0.0.1, or at another host. */
export function endpointAt(port: number, overrides: Partial<Endpoint> = {}, host = '127.0.0.1'): Endpoint {
  const limits = { ...testEndpoint().limits, timeoutMs: 5000 };
  return testEndpoint({ id: 'orange-crm', url: new URL(`http://${host}:${port}/hooks?a=1`), limits, ...overrides });
}

/** An endpoint's limits with this timeout, ms. */
export function timeout(timeoutMs: number): Pick<Endpoint, 'limits'> {
  return { limits: { ...testEndpoint().limits, timeoutMs } };
}

/** A log that keeps its lines. */
export class KeptLog implements Log {
  readonly lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[] = [];
  readonly debug = (fields: LogFields, message: string): void =>
    void this.lines.push({ level: 'debug', fields, message });
  readonly info = (fields: LogFields, message: string): void =>
    void this.lines.push({ level: 'info', fields, message });
  readonly warn = (fields: LogFields, message: string): void =>
    void this.lines.push({ level: 'warn', fields, message });
  readonly error = (fields: LogFields, message: string): void =>
    void this.lines.push({ level: 'error', fields, message });
}
