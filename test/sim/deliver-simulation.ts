/**
 * One seed of the deliver world from its start to its verdict: an outbound topic that is written for a while (in some seeds by the
 * real rekey and join), processes that deliver, receivers of all moods, a fate that crashes, freezes, evicts and restarts; then faults
 * stop, everything gets a bounded time to arrive, and the judges read the receivers' ledger.
 */

import { type EndpointHealth, HEALTHY, mergeHealth } from '../../src/core/endpoint-health.ts';
import { DELIVERER_DEFAULTS } from '../../src/delivery/deliverer.ts';
import { decodeHealth } from '../../src/kafka/internal-codec.ts';
import { readLetter } from '../../src/kafka/letter.ts';
import { Chance } from './chance.ts';
import type { Violation } from './checkers.ts';
import { DELIVER_TOPICS, type DeliverVariant, type DeliverWorld, deliverStageOf } from './deliver-deployment.ts';
import { type DeliverConditions, deliverConditionsOf } from './deliver-swarm.ts';
import { type StageName, stageOf, TOPICS } from './deployment.ts';
import { FakeGroup } from './fake-group.ts';
import { FakeKafka } from './fake-kafka.ts';
import { Fleet } from './fleet.ts';
import { type Evidence, judgeArrival, judgeLedger, type Letter, type Told, type Wanted } from './ledger-judges.ts';
import { Network } from './network.ts';
import { Operator } from './operator.ts';
import { OutboundWriter } from './outbound-writer.ts';
import { PatientGroup } from './patient-group.ts';
import { Receivers } from './receivers.ts';
import type { Verdict } from './simulation.ts';
import { SourceWorld } from './source-world.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

const START_MS = 1_760_000_000_000;
/** Faults end at the latest after this time, ms; what is announced is mostly written before. */
const STORM_MS = 60_000;
/** From the end of faults everything arrives within this time, ms: sessions, transactions, and the longest hold of an endpoint. */
const CALM_MS = 180_000;
const LOOK_MS = 1_000;
/** For so long nothing more may come once everything has arrived, ms: longer than the longest attempt. */
const REST_MS = 6_000;

/** Runs a seed. `variant` takes a guard away. */
export async function simulateDelivery(seed: number, variant: DeliverVariant = {}): Promise<Verdict> {
  return new DeliverSimulation(seed, variant).run();
}

class DeliverSimulation {
  readonly #seed: number;
  readonly #conditions: DeliverConditions;
  readonly #world: DeliverWorld;
  readonly #fleet: Fleet;
  readonly #source: { readonly done: boolean };
  readonly #operator: Operator;
  readonly #told: Told[] = [];
  #isAtRest = false;
  #restingSince = Number.POSITIVE_INFINITY;

  constructor(seed: number, variant: DeliverVariant) {
    this.#seed = seed;
    const conditions = variant.conditions?.(deliverConditionsOf(seed, START_MS)) ?? deliverConditionsOf(seed, START_MS);
    this.#conditions = conditions;
    const { base, endpoints } = conditions;
    const timeline = new Timeline(START_MS);
    const trace = new Trace(() => timeline.now());
    const chance = new Chance(seed, 1);
    const kafka = new FakeKafka({
      now: () => timeline.now(),
      markLater: (write) => void timeline.after(chance.between(0, base.markerMs), write),
      sometimes: (what) => trace.sometimes(what),
    });
    kafka.compact(TOPICS.rekeyState, TOPICS.clusterChanges, TOPICS.joinState);
    kafka.compact(DELIVER_TOPICS.state, DELIVER_TOPICS.health);
    const network = new Network({ timeline, chance, trace }, base.network);
    const settings = base.group;
    const group = (name: StageName): FakeGroup =>
      new FakeGroup({ timeline, trace }, { name, count: base.partitions, settings });
    const deliverGroup = new PatientGroup(
      { timeline, trace },
      { name: 'deliver', count: base.outboundPartitions, settings },
    );
    const groups = { rekey: group('rekey'), join: group('join') };
    const receivers = new Receivers({ timeline, trace, chance: new Chance(seed, 5) }, endpoints, conditions.receivers);
    this.#world = {
      ...{ timeline, kafka, network, groups, chance, trace, conditions: base, variant: {} },
      ...{ deliver: conditions, deliverVariant: variant, deliverGroup, receivers, endpoints },
      history: { lives: [], commits: [] },
    };
    const running = new Set(conditions.places.flat());
    const allGroups = { ...groups, deliver: deliverGroup };
    this.#fleet = new Fleet(
      {
        ...{ timeline, network, trace, fate: new Chance(seed, 2) },
        groups: Object.fromEntries(Object.entries(allGroups).filter(([name]) => running.has(name))),
        stageOf: (process, name) =>
          name === 'deliver' ? deliverStageOf(this.#world, process) : stageOf(this.#world, process, name as StageName),
      },
      conditions.places,
      { ...base, ...(conditions.troubles && { troubles: conditions.troubles }) },
    );
    const upstream = { timeline, kafka, trace, chance: new Chance(seed, 3) };
    if (conditions.writer === null) trace.sometimes('deliver: the join fills the outbound topic');
    this.#source =
      conditions.writer === null
        ? new SourceWorld(upstream, base.source)
        : new OutboundWriter(upstream, conditions.writer);
    this.#operator = new Operator(
      { timeline, kafka, trace, chance: new Chance(seed, 6) },
      { redriveMs: conditions.redriveMs, partitions: base.outboundPartitions },
    );
    this.#listen();
  }

  async run(): Promise<Verdict> {
    const { timeline, network, kafka, trace, receivers } = this.#world;
    const { cleaner } = this.#conditions.base;
    this.#regularly(LOOK_MS, () => kafka.endOverdue());
    this.#regularly(cleaner.everyMs, () => kafka.clean(cleaner));
    this.#fleet.start();
    this.#fleet.trouble();
    await timeline.runUntil(START_MS + STORM_MS, () => this.#source.done && timeline.now() > START_MS + STORM_MS / 4);
    network.faulty = false;
    receivers.calm();
    this.#operator.rest(this.#conditions.endpoints);
    trace.note('faults stop');
    this.#fleet.revive();
    this.#regularly(LOOK_MS, () => this.#look());
    await timeline.runUntil(timeline.now() + CALM_MS, () => this.#isAtRest || this.#fleet.failures.length > 0);
    return this.#verdict();
  }

  #verdict(): Verdict {
    const { timeline, trace, receivers } = this.#world;
    const evidence = this.#evidence();
    const violations: Violation[] = [...this.#fleet.failures, ...judgeLedger(evidence)];
    violations.push(...judgeArrival(evidence, this.#conditions.endpoints));
    if (!this.#isAtRest && violations.length === 0) violations.push({ promise: 'end', message: 'comes not to rest' });
    return {
      seed: this.#seed,
      violations,
      hash: trace.hash,
      trace,
      events: timeline.ran,
      virtualMs: timeline.now() - START_MS,
      told: receivers.ledger.length,
    };
  }

  /** Everything has arrived, and for a while nothing more comes. */
  #look(): void {
    const { timeline, kafka } = this.#world;
    const isOver =
      this.#source.done &&
      !kafka.busy &&
      this.#fleet.settled &&
      judgeArrival(this.#evidence(), this.#conditions.endpoints).length === 0;
    this.#restingSince = isOver ? Math.min(this.#restingSince, timeline.now()) : Number.POSITIVE_INFINITY;
    this.#isAtRest = timeline.now() - this.#restingSince > REST_MS;
  }

  #evidence(): Evidence {
    const { kafka, receivers, history } = this.#world;
    const outbound = kafka.committed(TOPICS.outbound).map(({ partition, offset, key, headers }): Wanted => {
      const text = (name: string): string => String(headers[name]);
      const [version, cause] = [text('version'), text('cause')];
      return { partition, offset, leadId: String(key), version, revision: Number(text('revision')), cause };
    });
    const letters = kafka.committed(TOPICS.deadLetters).map((record): Letter => {
      const { endpoint, lead, revision, code } = readLetter(record);
      return { endpointId: endpoint ?? '', leadId: lead ?? '', revision: revision ?? -1, code };
    });
    const { askedFor } = this.#operator;
    const { gentle, deliverer } = this.#conditions;
    const { windowRecords = DELIVERER_DEFAULTS.windowRecords } = deliverer;
    return { ledger: receivers.ledger, outbound, letters, askedFor, told: this.#told, history, windowRecords, gentle };
  }

  /** Follows what is told of endpoints, as the topic has it. */
  #listen(): void {
    const { kafka, timeline } = this.#world;
    const log = kafka.log(DELIVER_TOPICS.health, 0);
    const known = new Map<string, EndpointHealth>();
    let next = 0;
    kafka.watch(log, () => {
      const chunk = log.read({ from: next, recordsMax: Number.POSITIVE_INFINITY, committed: true });
      next = chunk.next;
      for (const { key, value } of chunk.records) {
        if (value === null) continue;
        const endpointId = String(key);
        const health = mergeHealth(known.get(endpointId) ?? HEALTHY, decodeHealth(value));
        known.set(endpointId, health);
        const { retryAfterUntil: pauseUntil, openedAt } = health;
        this.#told.push({ endpointId, at: timeline.now(), pauseUntil, openedAt });
      }
    });
  }

  #regularly(everyMs: number, work: () => void): void {
    this.#world.timeline.after(everyMs, () => {
      work();
      this.#regularly(everyMs, work);
    });
  }
}
