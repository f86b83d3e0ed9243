/** `lag`: how far each stage is behind, from the positions in Kafka. It needs no stage to run, so it also tells about one that does not. */
import { type Lag, lagTopics, measureLag } from '../../kafka/lag.ts';
import { systemClock } from '../../lib/clock.ts';
import { readArguments } from '../arguments.ts';
import { columns } from '../columns.ts';
import { type Command, loadConfig, outJson } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { reading } from '../reading.ts';
import { parseStages } from '../stages.ts';
import { wantedTopics } from '../wanted-topics.ts';

const USAGE = `
Usage: lead-webhooks lag [--stages STAGES] [--max-records N] [--max-seconds N] [--json]

Shows for each stage, partition and input: the position of the task, the end of the input (its last stable offset), the
offsets between them, and the age of the oldest record that is not processed. Reads the positions that the tasks keep in
their changelogs, so it works without a stage running, and without a consumer group. Changes nothing.

Used from the configuration: KAFKA_*, the names of the topics.

Options:
  --stages STAGES     only these stages: rekey, join, deliver, comma separated, or all (the default)
  --max-records N     more than N records behind is a problem
  --max-seconds N     a record older than N seconds that is not processed is a problem
  --json              one JSON document instead of text
  --help              this text

Exit codes: 0 good, 1 a task has input and no position, or one outside of the log, or is further behind than allowed,
or Kafka cannot be reached, 2 wrong usage or configuration.

Examples:
  lead-webhooks lag
  lead-webhooks lag --stages deliver --max-seconds 300 --json
`;

export const command: Command = {
  name: 'lag',
  summary: 'show how far the stages are behind',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, {
      options: { stages: 'value', 'max-records': 'value', 'max-seconds': 'value', json: 'flag' },
    });
    const stages = parseStages(args.value('stages'));
    const limits = { records: wholeNumber(args, 'max-records', 0), seconds: wholeNumber(args, 'max-seconds', 0) };
    const config = loadConfig(context);
    const survey = { stages, topics: config.topics, sources: wantedTopics(config, stages).sources };
    const lags = await reading(config, 'lag', lagTopics(survey), ({ fetcher, partitions, signal }) =>
      measureLag(fetcher, { ...survey, partitions, now: systemClock.now(), signal }),
    );
    const judged = lags.map((lag) => ({ ...lag, problem: problemOf(lag, limits) }));
    const ok = judged.every(({ problem }) => problem === null);
    if (args.has('json')) {
      outJson(context, { ok, lags: judged });
    } else {
      const head = ['STAGE', 'PARTITION', 'INPUT', 'POSITION', 'END', 'RECORDS', 'SECONDS', ''];
      const rows = judged.map((lag) => [
        ...[lag.stage, lag.partition, lag.topic, lag.position, lag.end, lag.records, lag.seconds],
        lag.problem === null ? '' : `<- ${SENTENCES[lag.problem]}`,
      ]);
      for (const line of columns(head, rows)) context.out(line);
    }
    return ok ? 0 : 1;
  },
};

type Problem = 'no-position' | 'outside' | 'no-task' | 'behind';

const SENTENCES: Readonly<Record<Problem, string>> = {
  'no-position': 'no position: the task has never run to its first transaction',
  outside: 'the position lies outside of the log: the task refuses to run',
  'no-task': 'the topic has more partitions than at the first start: nobody reads this one',
  behind: 'further behind than allowed',
};

/** What is wrong with a task's lag; `limits` of null allow any. */
export function problemOf(lag: Lag, limits: { records: number | null; seconds: number | null }): Problem | null {
  if (lag.problem !== null) return lag.problem;
  const tooMany = limits.records !== null && lag.records > limits.records;
  const tooOld = limits.seconds !== null && lag.seconds > limits.seconds;
  return tooMany || tooOld ? 'behind' : null;
}
