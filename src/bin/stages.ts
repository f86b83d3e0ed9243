/** The stages by name, and the `--stages` option that several commands share. */
import type { Stage } from '../kafka/own-topics.ts';
import { nearest } from '../lib/nearest.ts';
import { UsageError } from './command.ts';

export const STAGES: readonly Stage[] = ['rekey', 'join', 'deliver'];

/**
 * The stages that an option names, in the order of the flow.
 * @param text comma separated names, or `all`; null = the option was not given = all.
 * @throws UsageError for a name that is not known, with a suggestion.
 */
export function parseStages(text: string | null): readonly Stage[] {
  if (text === null || text.trim() === 'all') return STAGES;
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (STAGES.some((stage) => stage === name)) continue;
    const near = nearest(name, STAGES);
    throw new UsageError(
      `unknown stage "${name}", ${near === null ? `there are ${STAGES.join(', ')}` : `did you mean "${near}"?`}`,
    );
  }
  return STAGES.filter((stage) => names.includes(stage));
}
