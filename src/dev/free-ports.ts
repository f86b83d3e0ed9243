/**
 * Free TCP ports on the loopback address. All are held open together, so that they differ; they are free when this
 * returns, and nothing keeps another program from taking one: who starts a service tries again with others.
 */
import { createServer, type Server } from 'node:net';

/** `count` different free ports. Rejects when the machine has none. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP port');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
