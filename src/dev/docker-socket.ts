/**
 * Whether a container engine answers, by the cheapest question it has (`/_ping`) and a short deadline: a socket file may be
 * there with nobody behind it. Looks where testcontainers looks first; starts nothing.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import type { Environment } from './environment.ts';

const ANSWER_TIMEOUT_MS = 2_000;

/** True when DOCKER_HOST (unix, tcp or http) or one of the usual sockets answers. Never rejects. */
export async function dockerAnswers(env: Environment): Promise<boolean> {
  for (const target of targets(env)) {
    if (await pings(target)) return true;
  }
  return false;
}

type Target = { readonly socketPath: string } | { readonly host: string; readonly port: string };

function targets(env: Environment): Target[] {
  const named = env['DOCKER_HOST'];
  if (named) {
    const url = URL.parse(named);
    if (url === null) return [];
    if (url.protocol === 'unix:') return [{ socketPath: url.pathname }];
    return [{ host: url.hostname, port: url.port || '2375' }];
  }
  const home = env['HOME'] ?? '';
  const runtime = env['XDG_RUNTIME_DIR'];
  return [
    { socketPath: '/var/run/docker.sock' },
    { socketPath: join(home, '.docker/run/docker.sock') },
    ...(runtime ? [{ socketPath: join(runtime, 'docker.sock') }] : []),
  ];
}

function pings(target: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ ...target, path: '/_ping', timeout: ANSWER_TIMEOUT_MS }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.once('close', () => resolve(false));
    ping.end();
  });
}
