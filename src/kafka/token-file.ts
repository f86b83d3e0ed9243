/**
 * A token for Kafka from a file that somebody else renews: a sidecar, an agent, or the platform with the token of a service account.
 * The file is read at every login, so a renewal needs no signal. Whether a token is still good is for the broker to say.
 */
import { readFile } from 'node:fs/promises';
import { TokenFailure } from './bearer-login.ts';

/** A source of tokens out of a file; white space around the token is cut. Throws TokenFailure `unavailable`, which names the path. */
export function fileTokens(path: string): () => Promise<string> {
  return async () => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new TokenFailure('unavailable', `the token file ${path} cannot be read`, error.code ?? error.name);
    });
    const token = text.trim();
    if (token === '') throw new TokenFailure('unavailable', `the token file ${path} is empty`);
    return token;
  };
}
