/**
 * What the product relies on in Kafka, as one suite of claims: run on the simulation's fake (kafka-contract.test.ts) and on a
 * real broker (kafka-contract.int.test.ts). A claim that holds on one alone means that the simulation proves nothing. Written
 * against the interfaces that tasks use; what is below them is the platform's.
 */
import { describe, expect, test } from 'vitest';
import type { InputFetcher } from '../../src/kafka/batch-loop.ts';
import { type PartitionLog, readAll } from '../../src/kafka/partition-log.ts';
import type { PlainProducer } from '../../src/kafka/plain-producer.ts';
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import type { StageMembership } from '../../src/kafka/stage.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';

export interface KafkaPlatform {
  readonly log: PartitionLog;
  readonly fetcher: InputFetcher;
  /** A topic of its own for each test. */
  topic(options: { partitions: number; compacted?: boolean }): Promise<string>;
  producer(transactionalId: string, transactionTimeoutMs?: number): TaskProducer;
  plainProducer(): Pick<PlainProducer, 'send' | 'close'>;
  /** A new member of the group that shares out the partitions of a topic. */
  member(group: string, topic: string): StageMembership;
  /** Gives the cleaner an occasion to run over partition 0 of a compacted topic; may write records with the key `filler`. */
  occasionToClean(topic: string): Promise<void>;
  /** Resolves when `holds` is true, looked at again and again while time goes on. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
}

const never = new AbortController().signal;
const text = ({ value }: KafkaRecord): string => String(value);

/** The suite; `platform` is asked for when a test runs. */
export function kafkaContract(name: string, platform: () => KafkaPlatform): void {
  const newId = idsOf(name);
  const fenced = async (id: string, timeoutMs?: number): Promise<TaskProducer> => {
    const producer = platform().producer(id, timeoutMs);
    await producer.fence(never);
    return producer;
  };
  const committedIn = async (topic: string, partition = 0): Promise<KafkaRecord[]> => {
    const records: KafkaRecord[] = [];
    await readAll(platform().log, { topic, partition, signal: never }, (record) => records.push(record));
    return records;
  };
  const record = (topic: string, value: string, more: Partial<OutgoingRecord> = {}): OutgoingRecord => {
    return { topic, partition: 0, key: 'k', value, ...more };
  };
  const isStable = async (topic: string, offset: number): Promise<boolean> => {
    return (await platform().log.ends(topic, 0)).lastStable >= offset;
  };

  describe(`fencing on ${name}`, () => {
    test('a fenced producer can neither send nor commit, and what it had sent is aborted before the successor goes on', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const id = newId();
      const old = await fenced(id);
      await old.send([record(topic, 'old')]);
      const successor = await fenced(id);
      expect(await isStable(topic, 2)).toBe(true);
      expect(await committedIn(topic)).toEqual([]);
      await expect(old.commit()).rejects.toMatchObject({ code: 'fenced' });
      await successor.send([record(topic, 'new')]);
      await successor.commit();
      await platform().until(async () => (await committedIn(topic)).map(text).join() === 'new');
      await Promise.all([old.close(), successor.close()]);
    });

    test('a send after the fence fails, also of a producer that had nothing open', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const id = newId();
      const old = await fenced(id);
      const successor = await fenced(id);
      await expect(old.send([record(topic, 'old')])).rejects.toMatchObject({ code: 'fenced' });
      await Promise.all([old.close(), successor.close()]);
    });

    test('a transaction that is not ended in time is aborted, and its producer is fenced', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const producer = await fenced(newId(), 1_000);
      await producer.send([record(topic, 'late')]);
      await platform().until(() => isStable(topic, 2));
      await expect(producer.commit()).rejects.toMatchObject({ code: 'fenced' });
      expect(await committedIn(topic)).toEqual([]);
      await producer.close();
    });
  });

  describe(`transactions on ${name}`, () => {
    test('records are at the offsets that the send told, each transaction followed by a control record', async () => {
      const topic = await platform().topic({ partitions: 2 });
      const producer = await fenced(newId());
      const first = await producer.send([record(topic, 'a'), record(topic, 'b', { partition: 1 }), record(topic, 'c')]);
      expect([0, 1, 2].map((index) => first.offset(index))).toEqual([0, 0, 1]);
      await producer.commit();
      const second = await producer.send([record(topic, 'd')]);
      expect(second.offset(0)).toBe(3);
      await producer.commit();
      await platform().until(() => isStable(topic, 5));
      expect((await committedIn(topic)).map(({ offset }) => offset)).toEqual([0, 1, 3]);
      await producer.close();
    });

    test('an open transaction holds back the last stable offset, for committed records behind it too', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const [slow, quick] = [await fenced(newId()), await fenced(newId())];
      await slow.send([record(topic, 'slow')]);
      await quick.send([record(topic, 'quick')]);
      await quick.commit();
      expect((await platform().log.ends(topic, 0)).lastStable).toBe(0);
      await slow.commit();
      await platform().until(() => isStable(topic, 4));
      expect((await committedIn(topic)).map(text)).toEqual(['slow', 'quick']);
      await Promise.all([slow.close(), quick.close()]);
    });

    test('aborted records are invisible, and leave gaps; the producer goes on', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const producer = await fenced(newId());
      await producer.send([record(topic, 'no')]);
      await producer.abort();
      await producer.send([record(topic, 'yes')]);
      await producer.commit();
      await platform().until(() => isStable(topic, 4));
      expect((await committedIn(topic)).map((one) => [one.offset, text(one)])).toEqual([[2, 'yes']]);
      await producer.close();
    });

    test('nothing sent is nothing to commit', async () => {
      const producer = await fenced(newId());
      await producer.commit();
      await producer.abort();
      await producer.close();
    });
  });

  describe(`writing outside of transactions on ${name}`, () => {
    test('a record is where the send says, and readable as committed when no transaction is open before it', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const plain = platform().plainProducer();
      const first = await plain.send([record(topic, 'a')]);
      const slow = await fenced(newId());
      await slow.send([record(topic, 'slow')]);
      const second = await plain.send([record(topic, 'b')]);
      expect([first.offset(0), second.offset(0)]).toEqual([0, 2]);
      expect((await committedIn(topic)).map(text)).toEqual(['a']);
      await slow.abort();
      await platform().until(() => isStable(topic, 4));
      expect((await committedIn(topic)).map(text)).toEqual(['a', 'b']);
      await Promise.all([plain.close(), slow.close()]);
    });
  });

  describe(`reading on ${name}`, () => {
    test('a stretch is read exactly: committed records of [from, to), also over aborted records and markers', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const producer = await fenced(newId());
      for (const [value, isKept] of [
        ['a', true],
        ['x', false],
        ['b', true],
        ['c', true],
      ] as const) {
        await producer.send([record(topic, value)]);
        await (isKept ? producer.commit() : producer.abort());
      }
      await platform().until(() => isStable(topic, 8));
      const values: string[] = [];
      const at = { topic, partition: 0, from: 0, to: 6, committed: true, signal: never };
      await platform().log.read(at, (records) => void values.push(...records.map(text)));
      expect(values).toEqual(['a', 'b']);
      await producer.close();
    });

    test('a row is read back uncommitted, at once, though another transaction is open before it', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const [slow, quick] = [await fenced(newId()), await fenced(newId())];
      await slow.send([record(topic, 'slow')]);
      const sent = await quick.send([record(topic, 'quick')]);
      await quick.commit();
      const from = sent.offset(0);
      const values: string[] = [];
      const at = { topic, partition: 0, from, to: from + 1, committed: false, signal: never };
      await platform().log.read(at, (records) => void values.push(...records.map(text)));
      expect(values).toEqual(['quick']);
      await slow.abort();
      await Promise.all([slow.close(), quick.close()]);
    });

    test('a compacted log is read over its holes: of each key the newest record, at its old offset', async () => {
      const topic = await platform().topic({ partitions: 1, compacted: true });
      const producer = await fenced(newId());
      for (let n = 0; n < 6; n++) {
        await producer.send([record(topic, `${n}`, { key: `key ${n % 2}` })]);
        await producer.commit();
      }
      await platform().until(() => isStable(topic, 12));
      let left: KafkaRecord[] = [];
      await platform().until(async () => {
        await platform().occasionToClean(topic);
        left = (await committedIn(topic)).filter(({ key }) => String(key) !== 'filler');
        return left.length === 2;
      });
      expect(new Map(left.map((one) => [String(one.key), text(one)]))).toEqual(
        new Map([
          ['key 0', '4'],
          ['key 1', '5'],
        ]),
      );
      expect(left.map(({ offset }) => offset)).toEqual([8, 10]);
      await producer.close();
    });

    test('a subscription delivers committed records in order, from its offset on, and nothing once it is closed', async () => {
      const topic = await platform().topic({ partitions: 1 });
      const producer = await fenced(newId());
      const commit = async (value: string): Promise<void> => {
        await producer.send([record(topic, value)]);
        await producer.commit();
      };
      for (const value of ['a', 'b', 'c']) await commit(value);
      const values: string[] = [];
      let next = 0;
      const subscription = platform().fetcher.subscribe(
        { topic, partition: 0, offset: 2 },
        {
          deliver(chunk) {
            values.push(...chunk.records.map(text));
            next = chunk.next;
          },
          fail: () => undefined,
        },
      );
      await commit('d');
      await platform().until(() => next === 8);
      expect(values).toEqual(['b', 'c', 'd']);
      subscription.close();
      await commit('e');
      await platform().until(() => isStable(topic, 10));
      expect(values).toEqual(['b', 'c', 'd']);
      await producer.close();
    });
  });
}

/** What is relied on in groups; true of a group that gives out behind its members' backs too. */
export function groupContract(name: string, platform: () => KafkaPlatform): void {
  const newId = idsOf(name);
  describe(`groups on ${name}`, () => {
    test('each index belongs to exactly one member, and to another one when its member leaves', async () => {
      const topic = await platform().topic({ partitions: 3 });
      const group = newId();
      const held: (readonly number[])[] = [[], []];
      const members = [platform().member(group, topic), platform().member(group, topic)];
      const all = (): number[] => held.flat().sort((a, b) => a - b);
      for (const [place, member] of members.entries()) {
        await member.run({
          onAssigned(indexes) {
            held[place] = indexes;
          },
          onHeartbeat: () => undefined,
          onFailed: (error) => {
            throw error;
          },
        });
      }
      await platform().until(() => all().join() === '0,1,2' && held.every((indexes) => indexes.length > 0));
      await members[0]?.stop(10_000);
      held[0] = [];
      await platform().until(() => all().join() === '0,1,2');
      expect(held[1]).toEqual([0, 1, 2]);
      await members[1]?.stop(10_000);
    });
  });
}

/** What a stage that acts outside of Kafka relies on besides. */
export function patientGroupContract(name: string, platform: () => KafkaPlatform): void {
  const newId = idsOf(name);

  test(`a member that lives is asked before its indexes are given to another one, and waited for, on ${name}`, async () => {
    const topic = await platform().topic({ partitions: 2 });
    const group = newId();
    const [first, second] = [platform().member(group, topic), platform().member(group, topic)];
    const happened: string[] = [];
    let letGo = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const listen = (who: string, beforeRejoin?: () => Promise<void>): Parameters<StageMembership['run']>[0] => ({
      onAssigned: (indexes) => void happened.push(`${who} has ${indexes.length}`),
      ...(beforeRejoin && { beforeRejoin }),
      onHeartbeat: () => undefined,
      onFailed: (error) => {
        throw error;
      },
    });
    await first.run(
      listen('first', () => {
        happened.push('first is asked');
        return asked;
      }),
    );
    const joined = second.run(listen('second'));
    await platform().until(() => happened.includes('first is asked'));
    expect(happened).toEqual(['first has 2', 'first is asked']);
    letGo();
    await joined;
    await platform().until(() => happened.length >= 4);
    expect(happened.slice(2).sort()).toEqual(['first has 1', 'second has 1']);
    await Promise.all([first.stop(10_000), second.stop(10_000)]);
  });
}

function idsOf(name: string): () => string {
  let ids = 0;
  return () => `contract-${name.replaceAll(' ', '-')}-${process.pid}-${Date.now().toString(36)}-${ids++}`;
}
