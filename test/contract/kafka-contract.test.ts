/** The contract on the simulation's fake: its brokers without faults, and a virtual clock that goes on while a test waits. */
import { beforeEach } from 'vitest';
import { PlainProducer } from '../../src/kafka/plain-producer.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Chance } from '../sim/chance.ts';
import { fakeClient } from '../sim/fake-client.ts';
import { FakeGroup, FakeMembership } from '../sim/fake-group.ts';
import { FakeKafka } from '../sim/fake-kafka.ts';
import { FakeReader } from '../sim/fake-reader.ts';
import { Network } from '../sim/network.ts';
import { PatientGroup, PatientMembership } from '../sim/patient-group.ts';
import { SimProcess } from '../sim/sim-process.ts';
import { Timeline } from '../sim/timeline.ts';
import { Trace } from '../sim/trace.ts';
import { groupContract, type KafkaPlatform, kafkaContract, patientGroupContract } from './kafka-contract.ts';

const WAIT_MS = 60_000;

let current: KafkaPlatform;
let harsh: KafkaPlatform;
beforeEach(() => {
  current = fakePlatform('patient');
  harsh = fakePlatform('harsh');
});
kafkaContract('the fake', () => current);
groupContract('the fake with a patient group', () => current);
groupContract('the fake with a harsh group', () => harsh);
patientGroupContract('the fake', () => current);

function fakePlatform(kind: 'harsh' | 'patient'): KafkaPlatform {
  const timeline = new Timeline(1_760_000_000_000);
  const trace = new Trace(() => timeline.now());
  const chance = new Chance(1, 1);
  const kafka = new FakeKafka({
    now: () => timeline.now(),
    markLater: (write) => void timeline.after(chance.between(1, 50), write),
    sometimes: () => undefined,
  });
  const network = new Network({ timeline, chance, trace }, { wayMs: 1, lostRequest: 0, lostAnswer: 0, lateRequest: 0 });
  const process = new SimProcess('test', timeline, () => undefined);
  const world = { timeline, trace, chance, kafka, network, process };
  const reader = new FakeReader(world, { recordsMax: 2, slowRead: 0, slowMs: 0 });
  const groups = new Map<string, { harsh: FakeGroup; patient: PatientGroup }>();
  const partitions = new Map<string, number>();
  const scanForOverdue = (): void => {
    kafka.endOverdue();
    timeline.after(500, scanForOverdue);
  };
  scanForOverdue();
  let topics = 0;
  let members = 0;
  const platform: KafkaPlatform = {
    log: { ends: (...at) => driven(reader.ends(...at)), read: (...at) => driven(reader.read(...at)) },
    fetcher: reader,
    async topic(options) {
      const topic = `topic-${topics++}`;
      partitions.set(topic, options.partitions);
      if (options.compacted) kafka.compact(topic);
      return topic;
    },
    producer(transactionalId, transactionTimeoutMs = 10_000) {
      const client = fakeClient(world, { incompleteSend: 0, partialSend: 0 });
      const producer = new TransactionalProducer(
        { kafka: client, log: silentLog, clock: process.clock },
        { transactionalId, transactionTimeoutMs },
      );
      return {
        fence: (signal) => driven(producer.fence(signal)),
        send: (records) => driven(producer.send(records)),
        commit: () => driven(producer.commit()),
        abort: () => driven(producer.abort()),
        close: () => driven(producer.close()),
      };
    },
    plainProducer() {
      const producer = new PlainProducer(fakeClient(world, { incompleteSend: 0, partialSend: 0 }));
      return { send: (records) => driven(producer.send(records)), close: () => driven(producer.close()) };
    },
    member(name, topic) {
      const settings = { sessionMs: 6_000, heartbeatMs: 300 };
      const count = partitions.get(topic) ?? 0;
      const of = { name, count, settings };
      const deps = { timeline, trace };
      const known = groups.get(name) ?? { harsh: new FakeGroup(deps, of), patient: new PatientGroup(deps, of) };
      groups.set(name, known);
      const instance = `member-${members++}`;
      const member =
        kind === 'harsh'
          ? new FakeMembership({ group: known.harsh, process, network, trace }, instance)
          : new PatientMembership({ group: known.patient, process, network, trace }, instance);
      return {
        run: (listener) => driven(member.run(listener)),
        stop: () => driven(member.stop()),
        commitOffsets: () => member.commitOffsets(),
      };
    },
    async occasionToClean() {
      kafka.clean({ minCompactionLagMs: 0, deleteRetentionMs: 1_000 });
    },
    async until(holds) {
      const end = timeline.now() + WAIT_MS;
      while (!(await holds())) {
        if (timeline.now() > end) throw new Error('what was waited for does not come');
        await timeline.runUntil(timeline.now() + 10);
      }
    },
  };
  return platform;

  /** Lets time go on until the product's promise is settled; several may be waited for at once. */
  async function driven<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    while (!isOver) await timeline.runUntil(timeline.now() + 1, () => isOver);
    return promise;
  }
}
