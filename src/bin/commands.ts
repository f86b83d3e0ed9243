/**
 * The commands by name, each loaded when it is asked for, so that `config check` does not load a Kafka client. Adding a command is one
 * line here and one file in commands/.
 */
import type { Command } from './command.ts';

/** Name → how to load it, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  run: () => import('./commands/run.ts'),
  topics: () => import('./commands/topics.ts'),
  schemas: () => import('./commands/schemas.ts'),
  endpoints: () => import('./commands/endpoints.ts'),
  deliveries: () => import('./commands/deliveries.ts'),
  'dead-letters': () => import('./commands/dead-letters.ts'),
  lag: () => import('./commands/lag.ts'),
  sources: () => import('./commands/sources.ts'),
  config: () => import('./commands/config.ts'),
  demo: () => import('./commands/demo.ts'),
};
