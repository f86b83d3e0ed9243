/**
 * A long random history of a source database, and what every lead's body must be at its end. The history comes from a seed; the
 * bodies from the rows as the database holds them, by the core's row builders and renderers alone: what is proved elsewhere by
 * golden files. Neither rekey nor the join has a part in them.
 */
import { interpret, type Upsert } from '../../src/core/change.ts';
import { decodeJsonRecord } from '../../src/core/json-record.ts';
import { type PayloadVersion, VERSIONS } from '../../src/core/payload/versions.ts';
import type { AppointmentRow, LeadRow, TestDriveRow } from '../../src/core/rows.ts';
import { isBad, type Table } from '../../src/core/source-event.ts';
import { resolveZone } from '../../src/core/time-zone.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import { READING_RULES } from './cells.ts';
import { type ChangeEvent, type Columns, SourceDatabase } from './change-events.ts';
import { sourceAppointment, sourceLead, sourceTestDrive } from './source-rows.ts';

export interface HistoryScale {
  readonly leads: number;
  readonly clusters: number;
  readonly appointments: number;
  readonly testDrives: number;
}

/** Of a hundred steps so many … the rest are puts. */
const REMOVES = 8;
const TOUCHES = 5;
const SNAPSHOTS = 2;
const MOVES = 15;
const WITHOUT_CLUSTER = 5;
/** One step in so many is a crash of the connector: it writes its last events again, in order. */
const CRASH_EVERY = 400;
const REPLAYED = 20;

type Row = Columns & { readonly id: number };

export class RandomHistory {
  readonly #random: Random;
  readonly #scale: HistoryScale;
  readonly #database = new SourceDatabase();
  readonly #rows: Readonly<Record<Table, Map<number, Row>>> = {
    lead: new Map(),
    appointment: new Map(),
    test_drive: new Map(),
  };
  /** Makes every put differ from all before it. */
  #serial = 0;
  /** The last few events, for a connector that crashes. */
  #written: ChangeEvent[] = [];

  constructor(seed: number, scale: HistoryScale) {
    this.#random = seededRandom(seed);
    this.#scale = scale;
  }

  /** Goes on until at least `count` more events are written; returns them in commit order. */
  next(count: number): ChangeEvent[] {
    const events: ChangeEvent[] = [];
    while (events.length < count) events.push(...this.#step());
    return events;
  }

  /** The body that each living lead must have, by lead id. */
  bodies(version: PayloadVersion): Map<string, string> {
    const render = VERSIONS.find((entry) => entry.version === version)?.render;
    if (render === undefined) throw new Error(`${version} is no version`);
    const appointments = this.#byCluster('appointment') as Map<string | null, AppointmentRow[]>;
    const testDrives = this.#byCluster('test_drive') as Map<string | null, TestDriveRow[]>;
    const bodies = new Map<string, string>();
    for (const row of this.#rows.lead.values()) {
      const lead = this.#built('lead', row) as LeadRow;
      const cluster = lead.lead_cluster_id;
      const view = {
        lead,
        appointments: appointments.get(cluster) ?? [],
        testDrives: testDrives.get(cluster) ?? [],
        zone: resolveZone(lead.time_zone).zone,
        purposes: { enums: new Set<string>() },
      };
      bodies.set(lead.id, render(view).body);
    }
    return bodies;
  }

  #step(): ChangeEvent[] {
    if (this.#below(CRASH_EVERY) === 0) return this.#written.slice(-REPLAYED);
    const table = this.#table();
    const id = 1 + this.#below(this.#count(table));
    const rows = this.#rows[table];
    const row = rows.get(id);
    const chance = this.#below(100);
    let events: ChangeEvent[];
    if (row === undefined || chance >= REMOVES + TOUCHES + SNAPSHOTS) events = [this.#put(table, id, row)];
    else if (chance < REMOVES) {
      rows.delete(id);
      events = this.#database.remove(table, id);
    } else if (chance < REMOVES + TOUCHES) {
      const touched = { ...row, updated_at: this.#database.now * 1000 };
      rows.set(id, touched);
      events = [this.#database.update(table, touched)];
    } else events = [this.#database.snapshot(table, row)];
    this.#written = [...this.#written, ...events].slice(-REPLAYED);
    return events;
  }

  #put(table: Table, id: number, before: Row | undefined): ChangeEvent {
    const stays = before !== undefined && this.#below(100) >= MOVES;
    const row = this.#row(table, id, stays ? before['lead_cluster_id'] : this.#cluster());
    this.#rows[table].set(id, row);
    return before === undefined ? this.#database.insert(table, row) : this.#database.update(table, row);
  }

  #row(table: Table, id: number, cluster: unknown): Row {
    const what = ++this.#serial;
    const base = { id, lead_cluster_id: cluster };
    if (table === 'lead') {
      return sourceLead({ ...base, comments: `text ${what}`, created_at: (1_757_900_000 + id) * 1_000_000 });
    }
    if (table === 'test_drive') return sourceTestDrive({ ...base, stock_car_display_name: `car ${what}` });
    const starts = (1_758_160_800 + this.#below(100) * 3600) * 1_000_000;
    const drive = { schedulable_type: 'TestDrive', schedulable_id: 1 + this.#below(this.#scale.testDrives) };
    return sourceAppointment({ ...base, ...drive, starts_at: starts, note: `note ${what}` });
  }

  #table(): Table {
    const chance = this.#below(100);
    if (chance < 55) return 'lead';
    return chance < 82 ? 'appointment' : 'test_drive';
  }

  #count(table: Table): number {
    if (table === 'lead') return this.#scale.leads;
    return table === 'appointment' ? this.#scale.appointments : this.#scale.testDrives;
  }

  #cluster(): number | null {
    return this.#below(100) < WITHOUT_CLUSTER ? null : 1 + this.#below(this.#scale.clusters);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #byCluster(table: 'appointment' | 'test_drive'): Map<string | null, unknown[]> {
    const rows = Array.from(this.#rows[table].values(), (row) => this.#built(table, row));
    return Map.groupBy(rows, (row) => row.lead_cluster_id);
  }

  /** The row that the core builds of a source row. */
  #built(table: Table, row: Row): Upsert['row']['row'] {
    const event = decodeJsonRecord(JSON.stringify({ op: 'r', before: null, after: row, source: { ts_ms: 0 } }));
    if (event === null || isBad(event)) throw new Error('the history wrote a row that cannot be read');
    const rules = { ...READING_RULES, sourceEpoch: 0 };
    const change = interpret(event, { table, keyId: String(row.id), offset: 0, timestampMs: 0, rules });
    if (change.kind !== 'upsert') throw new Error('the history wrote a row that is none');
    return change.row.row;
  }
}
