/**
 * `topics plan` and `topics apply`: the topics as they should be against those that exist. `run` creates nothing, so this is the one
 * place that does. What is compared and what may be mended is decided by kafka/topic-plan.ts; here it is shown and carried out.
 */
import { createKafka } from '../../kafka/client.ts';
import { type Finding, planTopics, type TopicFix } from '../../kafka/topic-plan.ts';
import { Topics } from '../../kafka/topics.ts';
import { systemClock } from '../../lib/clock.ts';
import { type Arguments, readArguments } from '../arguments.ts';
import { briefLog, type Command, type Context, loadConfig, outJson } from '../command.ts';
import { kafkaOptions, withSettings } from '../connections.ts';
import { parseStages } from '../stages.ts';
import { wantedNames, wantedTopics } from '../wanted-topics.ts';

const USAGE = `
Usage: lead-webhooks topics plan [--stages STAGES] [--json]
       lead-webhooks topics apply [--stages STAGES] [--json]

plan    Shows what is missing or wrong about the topics, and what apply would do. Changes nothing.
apply   Creates the own topics that are missing and sets wrong settings of own topics. Never deletes a topic, never
        changes a number of partitions, never touches a source topic. May be repeated.

Used from the configuration: KAFKA_*, the names of the topics, LEAD_WEBHOOKS_PARTITIONS,
LEAD_WEBHOOKS_OUTBOUND_PARTITIONS, LEAD_WEBHOOKS_REPLICATION_FACTOR.

Options:
  --stages STAGES   only the topics of these stages: rekey, join, deliver, comma separated, or all (the default)
  --json            one JSON document instead of text
  --help            this text

Exit codes: 0 all topics are as they should be (apply: are now), 1 something differs or is left, or Kafka refused or
cannot be reached, 2 wrong usage or configuration. Warnings alone do not count.

Examples:
  lead-webhooks topics plan
  lead-webhooks topics apply --stages join,deliver
`;

export const command: Command = {
  name: 'topics',
  summary: 'compare the topics with what is needed, or create them',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, {
      words: [['plan', 'apply']],
      options: { stages: 'value', json: 'flag' },
    });
    const stages = parseStages(args.value('stages'));
    const config = loadConfig(context);
    const wanted = wantedTopics(config, stages);
    const topics = new Topics({
      kafka: createKafka(kafkaOptions(config, 'topics'), briefLog(config)),
      clock: systemClock,
    });
    try {
      const findings = planTopics(await topics.describe(wantedNames(wanted)), wanted);
      const mended = args.words[0] === 'apply' ? await topics.apply(findings) : [];
      return report(context, args, { findings, mended });
    } catch (error) {
      throw withSettings(error);
    } finally {
      await topics.close();
    }
  },
};

interface Outcome {
  readonly findings: readonly Finding[];
  readonly mended: readonly Finding[];
}

function report(context: Context, args: Arguments, { findings, mended }: Outcome): number {
  const left = findings.filter((finding) => !mended.includes(finding));
  const ok = left.every(({ severity }) => severity === 'warning');
  if (args.has('json')) {
    outJson(context, { ok, mended, findings: left });
  } else {
    for (const { topic, fix } of mended) if (fix !== null) context.out(done(topic, fix));
    for (const { severity, message } of left) context.out(`${severity}: ${message}`);
    if (ok) context.out('topics: good');
  }
  return ok ? 0 : 1;
}

/** What was done, for a fix that was carried out. */
function done(topic: string, fix: TopicFix): string {
  if (fix.kind === 'create') return `created: ${topic}, ${fix.partitions} partitions, ${fix.replicationFactor} copies`;
  return `set: ${topic} ${Object.entries(fix.settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`;
}
