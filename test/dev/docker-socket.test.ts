import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dockerAnswers } from '../../src/dev/docker-socket.ts';
import { scratchFolder } from '../support/scratch.ts';

async function listening(path: string, answer: RequestListener): Promise<Server & AsyncDisposable> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

it('an engine that answers its ping is there, whether DOCKER_HOST names it or it has a usual socket', async () => {
  await using scratch = await scratchFolder();
  const path = join(scratch.folder, 'docker.sock');
  await using _engine = await listening(path, (request, answer) =>
    answer.writeHead(request.url === '/_ping' ? 200 : 404).end(),
  );
  expect(await dockerAnswers({ DOCKER_HOST: `unix://${path}` })).toBe(true);
  expect(await dockerAnswers({ XDG_RUNTIME_DIR: scratch.folder })).toBe(true);
});

it('a socket with nobody behind it, an error and an unreadable DOCKER_HOST are no engine', async () => {
  await using scratch = await scratchFolder();
  const path = join(scratch.folder, 'docker.sock');
  expect(await dockerAnswers({ DOCKER_HOST: `unix://${path}` })).toBe(false);
  await using _engine = await listening(path, (_request, answer) => answer.writeHead(500).end());
  expect(await dockerAnswers({ DOCKER_HOST: `unix://${path}` })).toBe(false);
  expect(await dockerAnswers({ DOCKER_HOST: 'not an address' })).toBe(false);
});
