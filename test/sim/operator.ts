/** The operator of the deliver world: now and then asks for a dead letter to be delivered again, as the redrive command does. */
import { mergeHealth, operatorWord } from '../../src/core/endpoint-health.ts';
import { partitionOf } from '../../src/core/partition.ts';
import { decodeHealth, encodeHealth, encodeRedrive } from '../../src/kafka/internal-codec.ts';
import { readLetter, redrivable } from '../../src/kafka/letter.ts';
import type { Chance } from './chance.ts';
import { DELIVER_TOPICS } from './deliver-deployment.ts';
import { TOPICS } from './deployment.ts';
import type { FakeKafka } from './fake-kafka.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export class Operator {
  /** `endpoint|lead revision` of what was asked for. */
  readonly askedFor = new Set<string>();
  readonly #deps: { timeline: Timeline; kafka: FakeKafka; chance: Chance; trace: Trace };
  readonly #settings: { readonly redriveMs: number; readonly partitions: number };
  #works = true;

  constructor(
    deps: { timeline: Timeline; kafka: FakeKafka; chance: Chance; trace: Trace },
    settings: { readonly redriveMs: number; readonly partitions: number },
  ) {
    this.#deps = deps;
    this.#settings = settings;
    if (Number.isFinite(settings.redriveMs)) this.#later();
  }

  /** Asks for nothing more, and lets every endpoint go on that only a probe could have freed, as the command `endpoints resume` does. */
  rest(endpoints: readonly { readonly id: string }[]): void {
    this.#works = false;
    const { timeline, kafka } = this.#deps;
    const words = new Map(endpoints.map(({ id }) => [id, operatorWord(false, timeline.now())]));
    for (const { key, value } of kafka.committed(DELIVER_TOPICS.health)) {
      const word = words.get(String(key));
      if (word !== undefined && value !== null) words.set(String(key), mergeHealth(word, decodeHealth(value)));
    }
    for (const [key, word] of words) {
      kafka.append({ topic: DELIVER_TOPICS.health, partition: 0, key, value: encodeHealth(word) });
    }
  }

  #later(): void {
    const { timeline, chance } = this.#deps;
    timeline.after(chance.between(0, 2 * this.#settings.redriveMs), () => {
      if (!this.#works) return;
      this.#redrive();
      this.#later();
    });
  }

  #redrive(): void {
    const { timeline, kafka, chance, trace } = this.#deps;
    const letters = kafka.committed(TOPICS.deadLetters);
    if (letters.length === 0) return;
    const original = chance.pick(letters);
    const { endpoint, lead, partition, offset, writtenAt } = readLetter(original);
    const record = redrivable(original, timeline.now());
    if ('not' in record || endpoint === null || lead === null) return;
    this.askedFor.add(`${endpoint}|${lead} ${record.revision}`);
    const letter = { partition, offset };
    const value = encodeRedrive({
      ...{ endpointId: endpoint, record, letter },
      ...{ deadAt: writtenAt, requestedAt: timeline.now() },
    });
    const target = partitionOf(lead, this.#settings.partitions);
    kafka.append({ topic: DELIVER_TOPICS.redrives, partition: target, key: `${endpoint}|${lead}`, value });
    trace.note(`operator: redrive ${endpoint}|${lead} ${record.revision}`);
    trace.sometimes('operator: redrive');
  }
}
