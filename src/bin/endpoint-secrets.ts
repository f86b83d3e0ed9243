/**
 * Where the secrets of endpoints come from in this process. The operator's file may name any file and any variable. Who writes to the
 * endpoints topic is not the operator, and could have whatever he names sent to an address of his: he may name files of one folder
 * and variables with one prefix, or seal his secrets.
 */
import { isAbsolute, normalize, sep } from 'node:path';
import { Seal } from '../delivery/seal.ts';
import type { SecretSource } from '../delivery/secret-reference.ts';
import type { Config } from '../ops/config.ts';
import type { Context } from './command.ts';

type Surroundings = Pick<Context, 'env' | 'readFile'>;
type SecretSettings = Pick<Config['deliver'], 'topicSecretsDir' | 'sealKeys'>;

/** Variables with this prefix may be named by the endpoints topic. */
export const TOPIC_SECRET_PREFIX = 'ENDPOINT_SECRET_';

/** For definitions of the operator. */
export function fileSecrets(context: Surroundings, { sealKeys }: Pick<SecretSettings, 'sealKeys'>): SecretSource {
  const plain: SecretSource = {
    env: (name) => context.env[name] ?? null,
    file(path) {
      try {
        return context.readFile(path);
      } catch {
        return null;
      }
    },
  };
  if (sealKeys === null) return plain;
  const seal = new Seal(sealKeys);
  return { ...plain, sealed: (text, endpointId) => seal.open(text, endpointId) };
}

/** For definitions of the topic. */
export function topicSecrets(context: Surroundings, settings: SecretSettings): SecretSource {
  const all = fileSecrets(context, settings);
  const { topicSecretsDir: folder } = settings;
  return {
    ...all,
    env(name) {
      if (name.startsWith(TOPIC_SECRET_PREFIX)) return all.env(name);
      return { problem: `may not be named by the endpoints topic: only ${TOPIC_SECRET_PREFIX}… may` };
    },
    file(path) {
      if (folder !== null && isWithin(path, folder)) return all.file(path);
      return {
        problem: 'may not be named by the endpoints topic: it is not in LEAD_WEBHOOKS_ENDPOINTS_TOPIC_SECRETS_DIR',
      };
    },
  };
}

function isWithin(path: string, folder: string): boolean {
  const within = normalize(`${folder}${sep}`);
  return isAbsolute(path) && normalize(path) === path && path.startsWith(within) && !path.includes('\0');
}
