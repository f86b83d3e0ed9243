/** Which topics the chosen stages need: what `topics` plans and what `run` insists on. A pure function of the configuration. */
import { ownTopics, type Stage } from '../kafka/own-topics.ts';
import type { TopicsWanted } from '../kafka/topic-plan.ts';
import type { Config } from '../ops/config.ts';

/** Own topics of the stages; the sources only if rekey is among them, as nobody else reads them. */
export function wantedTopics(config: Config, stages: readonly Stage[]): TopicsWanted {
  const { leads, appointments, testDrives } = config.sources;
  return {
    own: ownTopics(config).filter((topic) => topic.stages.some((stage) => stages.includes(stage))),
    sources: stages.includes('rekey') ? [leads, appointments, testDrives] : [],
  };
}

/** The names of all topics wanted, sources first. */
export function wantedNames({ own, sources }: TopicsWanted): readonly string[] {
  return [...sources, ...own.map(({ name }) => name)];
}
