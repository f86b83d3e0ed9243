import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts } from '../../src/dev/free-ports.ts';

it('the ports differ and can be bound', async () => {
  const ports = await freePorts(3);
  expect(new Set(ports).size).toBe(3);
  for (const port of ports) {
    await using server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    expect(server.listening).toBe(true);
  }
});
