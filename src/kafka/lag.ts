/**
 * How far the stages are behind, measured from outside: the positions that the tasks keep in their changelogs against the ends of
 * their inputs. It needs no stage to run and no consumer group. The end is the last stable offset: what an open transaction holds
 * back is not our lag. Group offsets are written for tools and not looked at.
 */
import { POSITION_KEY } from '../core/keys.ts';
import { decodeDeliverPosition, decodeJoinPosition, decodeRekeyPosition } from './internal-codec.ts';
import { lastValue } from './last-record.ts';
import type { Stage, TopicsConfig } from './own-topics.ts';
import type { PartitionLog } from './partition-log.ts';

export interface Lag {
  readonly stage: Stage;
  readonly partition: number;
  /** The input. */
  readonly topic: string;
  /** Offset to be read next; null = the task has never read anything of this input. */
  readonly position: number | null;
  /** The input's last stable offset. */
  readonly end: number;
  /** Offsets between the two; those of markers and compacted records count too, but a stretch without any record is 0. */
  readonly records: number;
  /** Age of the oldest record that is not processed, seconds; 0 without lag. */
  readonly seconds: number;
  /**
   * `no-position`: there is input, and the task has never committed. `outside`: the position does not lie within the log, so the task
   * refuses to run. `no-task`: the topic has got more partitions, which nobody reads.
   */
  readonly problem: 'no-position' | 'outside' | 'no-task' | null;
}

export interface LagSurvey {
  readonly stages: readonly Stage[];
  readonly topics: TopicsConfig['topics'];
  readonly sources: readonly string[];
  /** Partitions of every existing topic. */
  readonly partitions: ReadonlyMap<string, number>;
  /** Ms since the epoch. */
  readonly now: number;
  readonly signal: AbortSignal;
}

interface Input {
  readonly stage: Stage;
  readonly partition: number;
  readonly topic: string;
  /** From the task's position record to the offset of this input; null = it has read nothing of it. */
  readonly next: (position: Buffer) => number | null;
}

const changelogsOf = ({ rekeyState, joinState, deliveryState }: TopicsConfig['topics']) =>
  ({ rekey: rekeyState, join: joinState, deliver: deliveryState }) as const;

/** Every topic that `measureLag` reads, and no other. */
export function lagTopics({ stages, topics, sources }: Pick<LagSurvey, 'stages' | 'topics' | 'sources'>): string[] {
  const inputs: Readonly<Record<Stage, readonly string[]>> = {
    rekey: sources,
    join: [topics.clusterChanges],
    deliver: [topics.outbound, topics.redrives],
  };
  return stages.flatMap((stage) => [...inputs[stage], changelogsOf(topics)[stage]]);
}

/** The lag of every input of every task, by stage, partition and topic. Throws what the log throws, and UnknownFormat. */
export async function measureLag(log: PartitionLog, survey: LagSurvey): Promise<Lag[]> {
  const { topics, stages } = survey;
  const changelogs = changelogsOf(topics);
  const found: Lag[][] = [];
  for (const stage of stages) {
    const changelog = changelogs[stage];
    const tasks = survey.partitions.get(changelog) ?? 0;
    const topicsRead = lagTopics({ ...survey, stages: [stage] });
    const count = Math.max(...topicsRead.map((topic) => survey.partitions.get(topic) ?? 0));
    const lags = Array.from({ length: count }, async (_, partition) => {
      const isTask = partition < tasks;
      const at = { topic: changelog, partition, signal: survey.signal };
      const position = isTask ? await lastValue(log, at, POSITION_KEY) : null;
      const inputs = inputsOf(survey, stage, partition);
      return Promise.all(inputs.map((input) => lagOf(log, survey, { input, position, isTask })));
    });
    found.push(...(await Promise.all(lags)));
  }
  return found.flat();
}

/** The topics that have the partition, as inputs of the stage. */
function inputsOf(survey: LagSurvey, stage: Stage, partition: number): Input[] {
  return allInputsOf(survey, stage, partition).filter(({ topic }) => partition < (survey.partitions.get(topic) ?? 0));
}

function allInputsOf({ topics, sources }: LagSurvey, stage: Stage, partition: number): Input[] {
  const at = { stage, partition };
  switch (stage) {
    case 'rekey':
      return sources.map((topic) => ({
        ...at,
        topic,
        next: (position) =>
          decodeRekeyPosition(position).sources.find((source) => source.topic === topic)?.next ?? null,
      }));
    case 'join':
      return [{ ...at, topic: topics.clusterChanges, next: (position) => decodeJoinPosition(position).next }];
    case 'deliver':
      return [
        { ...at, topic: topics.outbound, next: (position) => decodeDeliverPosition(position).nextOffset },
        { ...at, topic: topics.redrives, next: (position) => decodeDeliverPosition(position).redrives },
      ];
  }
}

async function lagOf(
  log: PartitionLog,
  { now, signal }: LagSurvey,
  { input, position: stored, isTask }: { input: Input; position: Buffer | null; isTask: boolean },
): Promise<Lag> {
  const { stage, partition, topic } = input;
  const position = stored === null ? null : input.next(stored);
  const { earliest, lastStable: end } = await log.ends(topic, partition);
  const outside = position !== null && (position < earliest || position > end);
  const from = position === null || outside ? earliest : position;
  const oldest = from < end ? await oldestTime(log, { topic, partition, from, to: end, signal }) : null;
  const problem = stored === null && oldest !== null ? 'no-position' : outside ? 'outside' : null;
  return {
    stage,
    partition,
    topic,
    position,
    end,
    records: oldest === null ? 0 : end - from,
    seconds: oldest === null ? 0 : Math.max(0, Math.round((now - oldest) / 1000)),
    problem: isTask ? problem : 'no-task',
  };
}

/** Time of the first record of a stretch, ms; null = it holds none. */
async function oldestTime(
  log: PartitionLog,
  range: { topic: string; partition: number; from: number; to: number; signal: AbortSignal },
): Promise<number | null> {
  const found = new Found();
  try {
    await log.read({ ...range, committed: true }, (records) => {
      const first = records[0];
      if (first === undefined) return;
      found.timestamp = first.timestamp;
      throw found;
    });
  } catch (error) {
    if (error !== found) throw error;
  }
  return found.timestamp;
}

/** Ends a read early: what is behind the first record does not matter. */
class Found extends Error {
  timestamp: number | null = null;
}
