/**
 * From the configuration to what the clients of Kafka and of the registry take. It stands in `bin` because neither side knows the other:
 * `ops` knows no client, `kafka` no configuration. Opens nothing.
 */
import type { RegistryOptions } from '../kafka/registry-http.ts';
import type { RegistryConfig } from '../ops/config.ts';

/** The registry's address and credentials, in the client's shape. */
export function registryOptions(registry: RegistryConfig): RegistryOptions {
  const { url, auth } = registry;
  return auth === null ? { url } : { url, username: auth.username, password: auth.password.reveal() };
}
