/**
 * The upstream side: a small database whose rows of a few lead clusters are made, changed, touched, moved, merged, deleted and
 * made again, and a connector that writes its log to the source topics, now and then again from some time ago (as Debezium
 * does after a crash), big unchanged columns left out. It starts with rows from before the product's time, read by a snapshot.
 */
import { partitionOf } from '../../src/core/partition.ts';
import { TABLES, type Table } from '../../src/core/source-event.ts';
import { type ChangeEvent, SourceDatabase } from '../support/change-events.ts';
import { sourceAppointment, sourceLead, sourceTestDrive } from '../support/source-rows.ts';
import type { Chance } from './chance.ts';
import type { FakeKafka } from './fake-kafka.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import { type Row, Truth } from './truth.ts';

export interface SourceSettings {
  readonly rows: Readonly<Record<Table, number>>;
  readonly clusters: number;
  /** Transactions of the database, and the mean milliseconds between two. */
  readonly transactions: number;
  readonly everyMs: number;
  /** Share of each kind of change. */
  readonly weights: Readonly<Record<Kind, number>>;
  /** Probability that the connector starts again from an earlier place after an event. */
  readonly replay: number;
  readonly announceSince: number;
  readonly partitions: Readonly<Record<Table, number>>;
}

const KINDS = ['put', 'move', 'touch', 'toast', 'remove', 'hide', 'merge', 'snapshot'] as const;
export type Kind = (typeof KINDS)[number];

const FIRST_ID: Readonly<Record<Table, number>> = { lead: 1, appointment: 101, test_drive: 201 };
const UNAVAILABLE = '__debezium_unavailable_value';
const REPLAYED_MAX = 12;

/** The source topic of a table. */
export function sourceTopic(table: Table): string {
  return `source.${table}`;
}

export class SourceWorld {
  readonly truth = new Truth();
  readonly #deps: { timeline: Timeline; kafka: FakeKafka; chance: Chance; trace: Trace };
  readonly #settings: SourceSettings;
  readonly #database = new SourceDatabase();
  /** The connector's view of the log: a delete and its tombstone belong together. */
  readonly #log: ChangeEvent[][] = [];
  #published = 0;
  #left: number;
  #tokens = 0;

  constructor(deps: { timeline: Timeline; kafka: FakeKafka; chance: Chance; trace: Trace }, settings: SourceSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.#left = settings.transactions;
    this.#database.now = deps.timeline.now();
    for (const table of TABLES) {
      for (let n = 0; n < settings.rows[table]; n++)
        if (deps.chance.happens(0.4)) this.#read(table, FIRST_ID[table] + n);
    }
    this.#commitLater();
    this.#publishLater();
  }

  /** Whether nothing more will happen here. */
  get done(): boolean {
    return this.#left === 0 && this.#published === this.#log.length;
  }

  #commitLater(): void {
    const { timeline, chance } = this.#deps;
    if (this.#left === 0) return;
    const { everyMs } = this.#settings;
    timeline.after(chance.happens(0.5) ? chance.between(0, 20) : chance.between(0, 4 * everyMs), () => {
      this.#left--;
      this.#database.now = Math.max(this.#database.now, timeline.now());
      for (let changes = 1 + chance.below(2); changes > 0; changes--) this.#change(this.#kind());
      this.#commitLater();
    });
  }

  #kind(): Kind {
    const { weights } = this.#settings;
    const sum = KINDS.reduce((all, kind) => all + weights[kind], 0);
    let left = this.#deps.chance.between(0, sum);
    for (const kind of KINDS) {
      left -= weights[kind];
      if (left < 0) return kind;
    }
    return 'put';
  }

  #change(kind: Kind): void {
    const { chance } = this.#deps;
    const { rows, clusters } = this.#settings;
    const table = chance.pick(['lead', 'lead', 'appointment', 'test_drive'] as const);
    const id = FIRST_ID[table] + chance.below(rows[table]);
    const now = this.truth.current(table, id);
    if (kind === 'merge') this.#merge(1 + chance.below(clusters), 1 + chance.below(clusters));
    else if (now === undefined || !now.alive) this.#make(table, id);
    else this.#changeRow(table, now.row, kind);
  }

  #changeRow(table: Table, row: Row, kind: Kind): void {
    if (kind === 'remove') this.#remove(table, row);
    else if (kind === 'hide') this.#hide(table, row);
    else if (kind === 'snapshot') this.#event(table, [this.#database.snapshot(table, row)], 'snapshot');
    else if (kind === 'touch') this.#update(table, { ...row, updated_at: this.#database.now * 1000 }, { loud: false });
    else if (kind === 'toast' && table === 'lead') this.#toast(row);
    else if (kind === 'move') this.#update(table, { ...row, lead_cluster_id: this.#cluster() });
    else this.#update(table, { ...this.#fresh(table, row.id), lead_cluster_id: row['lead_cluster_id'] });
  }

  /** A row that was there before the product: a snapshot reads it. */
  #read(table: Table, id: number): void {
    const row = this.#fresh(table, id);
    this.truth.note(table, row, { alive: true, loud: false });
    this.#event(table, [this.#database.snapshot(table, row)], 'initial snapshot');
  }

  #make(table: Table, id: number): void {
    const hidden = this.truth.current(table, id)?.row['deleted_at'] !== undefined;
    if (this.truth.current(table, id) !== undefined) this.#deps.trace.sometimes('source: a row is made again');
    const row = this.#fresh(table, id);
    this.truth.note(table, row, { alive: true, loud: this.#isLoud() });
    const event = hidden ? this.#database.update(table, row) : this.#database.insert(table, row);
    this.#event(table, [event], 'make');
  }

  #update(table: Table, row: Row, options: { loud: boolean } = { loud: true }, shown: Row = row): void {
    const before = this.truth.current(table, row.id);
    const moves = before?.cluster !== row['lead_cluster_id'];
    if (moves) this.#deps.trace.sometimes('source: a row moves');
    // A move to where it is, is a touch.
    const isChange = options.loud && JSON.stringify(before?.row) !== JSON.stringify(row);
    this.truth.note(table, row, { alive: true, loud: isChange && this.#isLoud() });
    this.#event(table, [this.#database.update(table, shown)], moves ? 'move' : 'update');
  }

  /** An update that leaves out a big column because it did not change. */
  #toast(row: Row): void {
    const next = { ...row, category: this.#token() };
    if (this.#deps.chance.happens(0.3)) Object.assign(next, { lead_cluster_id: this.#cluster() });
    this.#deps.trace.sometimes('source: a big column is left out');
    this.#update('lead', next, { loud: true }, { ...next, comments: UNAVAILABLE });
  }

  #remove(table: Table, row: Row): void {
    this.truth.note(table, row, { alive: false, loud: this.#isLoud() });
    this.#event(table, this.#database.remove(table, row.id), 'remove');
  }

  /** `deleted_at` is set: gone, without a tombstone. */
  #hide(table: Table, row: Row): void {
    const hidden = { ...row, deleted_at: this.#database.now * 1000 };
    this.truth.note(table, hidden, { alive: false, loud: this.#isLoud() });
    this.#event(table, [this.#database.update(table, hidden)], 'hide');
  }

  #merge(from: number, to: number): void {
    if (from === to) return;
    this.#deps.trace.sometimes('source: two clusters are merged');
    for (const table of TABLES) {
      for (const { versions } of this.truth.within(table, from)) {
        this.#update(table, { ...(versions.at(-1)?.row as Row), lead_cluster_id: to });
      }
    }
  }

  #isLoud(): boolean {
    return this.#database.now >= this.#settings.announceSince;
  }

  #cluster(): number | null {
    const at = this.#deps.chance.below(this.#settings.clusters + 1);
    return at === 0 ? null : at;
  }

  #token(): string {
    return `t${this.#tokens++}`;
  }

  #fresh(table: Table, id: number): Row {
    const { chance } = this.#deps;
    const lead_cluster_id = chance.happens(0.1) ? null : 1 + chance.below(this.#settings.clusters);
    if (table === 'lead') {
      return sourceLead({ id, lead_cluster_id, comments: this.#token(), category: this.#token() });
    }
    if (table === 'test_drive') return sourceTestDrive({ id, lead_cluster_id, stock_car_display_name: this.#token() });
    return sourceAppointment({
      id,
      lead_cluster_id,
      note: this.#token(),
      purpose: chance.happens(0.2) ? 'Service' : 'Test Drive',
      schedulable_type: 'TestDrive',
      schedulable_id: FIRST_ID.test_drive + chance.below(this.#settings.rows.test_drive),
    });
  }

  #event(table: Table, events: readonly ChangeEvent[], what: string): void {
    this.#deps.trace.note(`source ${table} ${events[0]?.id ?? ''} ${what}`);
    this.#log.push([...events]);
  }

  #publishLater(): void {
    const { timeline, chance, kafka, trace } = this.#deps;
    timeline.after(chance.between(5, 40), () => {
      for (let events = 1 + chance.below(4); events > 0 && this.#published < this.#log.length; events--) {
        for (const { table, id, value } of this.#log[this.#published] ?? []) {
          const key = `{"id":${id}}`;
          const partition = partitionOf(key, this.#settings.partitions[table]);
          kafka.append({ topic: sourceTopic(table), partition, key, value });
        }
        this.#published++;
        if (!chance.happens(this.#settings.replay)) continue;
        this.#published = Math.max(0, this.#published - 1 - chance.below(REPLAYED_MAX));
        trace.sometimes('source: the connector replays');
      }
      if (!this.done) this.#publishLater();
    });
  }
}
