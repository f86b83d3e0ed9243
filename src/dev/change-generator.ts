/**
 * Endless, realistic changes of a dealership group's database, from a seed: leads arrive, get appointments and test drives,
 * make progress, are touched without a change, move to another cluster, are merged and deleted. The same seed gives the same
 * changes. Rows that belong together fit together. Changes come in the order in which a reader of three topics may meet them:
 * each table in its own order, the tables in any; some come late, some a second time. It knows no Kafka.
 */
import { TABLES, type Table } from '../core/source-event.ts';
import type { Random } from '../lib/random.ts';
import { type ColumnValue, type SourceChange, SourceDatabase } from './source-database.ts';
import {
  appointmentRow,
  type Car,
  type Dealership,
  LEAD_STATUSES,
  leadRow,
  type Person,
  testDriveRow,
} from './source-rows.ts';

export interface GeneratorOptions {
  /** At least one. */
  readonly dealerships: readonly Dealership[];
  /** Ids of all rows and clusters begin here. */
  readonly firstId: number;
  /** With so many customers no new ones come. */
  readonly customersMax: number;
  /** Time that the rows speak of, ms since the epoch. */
  readonly now: () => number;
}

/** Everything of one lead cluster. */
interface Customer {
  cluster: number;
  readonly person: Person;
  readonly car: Car;
  readonly dealership: Dealership;
  readonly leads: number[];
  readonly appointments: number[];
  readonly testDrives: number[];
}

const FIRST = ['Mia', 'Tom', 'Ava', 'Noah', 'Ruby', 'Liam', 'Zoe', 'Max', 'Ella', 'Finn'] as const;
const LAST = ['Chen', 'Baker', 'Novak', 'Singh', 'Rossi', 'Walsh', 'Okafor', 'Lindner'] as const;
const CARS: readonly Car[] = [
  { make: 'Subaru', model: 'Forester', badge: 'Sport', year: 2018 },
  { make: 'Toyota', model: 'Corolla', badge: 'Ascent', year: 2022 },
  { make: 'Mazda', model: 'CX-5', badge: 'Touring', year: 2020 },
  { make: 'Kia', model: 'Sportage', badge: 'GT-Line', year: 2023 },
  { make: 'Ford', model: 'Ranger', badge: 'Wildtrak', year: 2021 },
];
const CATEGORIES = ['Used Vehicle Enquiry', 'Sell My Car Enquiry', 'Service Booking'] as const;
const HOUR_MS = 3_600_000;

/** Of 100 events. */
const LATE_PERCENT = 10;
const REPLAY_PERCENT = 3;

export class ChangeGenerator {
  readonly #random: Random;
  readonly #options: GeneratorOptions;
  readonly #database: SourceDatabase;
  readonly #customers: Customer[] = [];
  readonly #events: readonly (readonly [percent: number, event: (customer: Customer) => SourceChange[]])[];
  #nextId: number;
  /** Changes of a table that is late, in its order, and for how many more events it is. */
  readonly #held = new Map<Table, { changes: SourceChange[]; events: number }>();
  /** The last change of each table, for replays. */
  readonly #last = new Map<Table, SourceChange>();

  /** @param database gives the log positions; share it with whoever else writes to the same topics. */
  constructor(random: Random, options: GeneratorOptions, database: SourceDatabase = new SourceDatabase()) {
    this.#random = random;
    this.#options = options;
    this.#database = database;
    this.#nextId = options.firstId;
    this.#events = [
      [18, (customer) => this.#bookTestDrive(customer)],
      [8, (customer) => this.#secondLead(customer)],
      [25, (customer) => this.#progress(customer)],
      [12, (customer) => this.#changeAppointment(customer)],
      [6, (customer) => this.#touch(customer)],
      [5, (customer) => this.#move(customer)],
      [5, (customer) => this.#merge(customer)],
      [4, (customer) => this.#cancelAppointment(customer)],
      [3, (customer) => this.#deleteLead(customer)],
      [14, (customer) => this.#comment(customer)],
    ];
  }

  /** The changes that arrive next: mostly those of one event, at times none or those of several. */
  next(): SourceChange[] {
    const room = this.#customers.length < this.#options.customersMax;
    const wantsNew = this.#customers.length === 0 || (room && this.#percent(30));
    const made = wantsNew ? this.#newCustomer() : this.#someEvent();
    return this.#arriving(made);
  }

  /** What is still held back: to be sent before the end, or rows would be missing. */
  rest(): SourceChange[] {
    const rest = [...this.#held.values()].flatMap(({ changes }) => changes);
    this.#held.clear();
    return rest;
  }

  #someEvent(): SourceChange[] {
    const customer = this.#pick(this.#customers);
    let left = this.#random() * 100;
    for (const [percent, event] of this.#events) {
      left -= percent;
      if (left < 0) return event(customer);
    }
    return this.#progress(customer);
  }

  #newCustomer(): SourceChange[] {
    const person = { first: this.#pick(FIRST), last: this.#pick(LAST), mobile: `04${this.#integer(10_000_000)}` };
    const { dealerships } = this.#options;
    const customer: Customer = {
      cluster: this.#id(),
      person,
      car: this.#pick(CARS),
      dealership: this.#pick(dealerships),
      leads: [],
      appointments: [],
      testDrives: [],
    };
    this.#customers.push(customer);
    const changes = this.#lead(customer);
    return this.#percent(30) ? [...changes, ...this.#bookTestDrive(customer)] : changes;
  }

  /** Often a lead is made first and finds its cluster a moment later. */
  #lead(customer: Customer): SourceChange[] {
    const { cluster, person, car, dealership } = customer;
    const id = this.#id();
    const alone = this.#percent(20);
    const facts = { id, person, car, dealership, category: this.#pick(CATEGORIES), atMs: this.#options.now() };
    customer.leads.push(id);
    const made = this.#database.insert('lead', leadRow({ ...facts, cluster: alone ? null : cluster }));
    return alone ? [made, this.#database.update('lead', id, { lead_cluster_id: cluster })] : [made];
  }

  #secondLead(customer: Customer): SourceChange[] {
    return customer.leads.length < 4 ? this.#lead(customer) : this.#progress(customer);
  }

  #bookTestDrive(customer: Customer): SourceChange[] {
    if (customer.appointments.length >= 3) return this.#changeAppointment(customer);
    const { cluster, car } = customer;
    const testDrive = this.#percent(85) ? this.#id() : null;
    const changes: SourceChange[] = [];
    if (testDrive !== null) {
      customer.testDrives.push(testDrive);
      changes.push(this.#database.insert('test_drive', testDriveRow({ id: testDrive, cluster, car })));
    }
    const id = this.#id();
    customer.appointments.push(id);
    const startsAtMs = this.#options.now() + (1 + this.#integer(200)) * HOUR_MS;
    const note = this.#percent(40) ? 'Brings the old car along' : null;
    return [
      ...changes,
      this.#database.insert('appointment', appointmentRow({ id, cluster, testDrive, startsAtMs, note })),
    ];
  }

  #progress(customer: Customer): SourceChange[] {
    return this.#updateLead(customer, { lead_status_option: this.#pick(LEAD_STATUSES) });
  }

  #comment(customer: Customer): SourceChange[] {
    return this.#updateLead(customer, { comments: `Call back after ${8 + this.#integer(10)}:00 please` });
  }

  #touch(customer: Customer): SourceChange[] {
    return this.#updateLead(customer, {});
  }

  #changeAppointment(customer: Customer): SourceChange[] {
    if (customer.appointments.length === 0) return this.#progress(customer);
    const status = this.#pick(['confirmed', 'completed', 'no_show'] as const);
    return [this.#database.update('appointment', this.#pick(customer.appointments), { status })];
  }

  #cancelAppointment(customer: Customer): SourceChange[] {
    const id = customer.appointments.pop();
    return id === undefined ? this.#touch(customer) : this.#database.remove('appointment', id);
  }

  /** One lead was filed under the wrong customer of the same dealership. */
  #move(customer: Customer): SourceChange[] {
    const other = this.#neighbour(customer);
    if (other === null || customer.leads.length < 2) return this.#comment(customer);
    const id = customer.leads.pop() ?? 0;
    other.leads.push(id);
    return [this.#database.update('lead', id, { lead_cluster_id: other.cluster, ...this.#now() })];
  }

  /** Two customers turn out to be one: all rows of the one go to the other's cluster. */
  #merge(customer: Customer): SourceChange[] {
    const into = this.#neighbour(customer);
    if (into === null || into.leads.length > 6) return this.#progress(customer);
    this.#customers.splice(this.#customers.indexOf(customer), 1);
    const changes: SourceChange[] = [];
    const moved = [
      ['lead', customer.leads, into.leads],
      ['appointment', customer.appointments, into.appointments],
      ['test_drive', customer.testDrives, into.testDrives],
    ] as const;
    for (const [table, ids, target] of moved) {
      for (const id of ids) changes.push(this.#database.update(table, id, { lead_cluster_id: into.cluster }));
      target.push(...ids);
    }
    return changes;
  }

  #deleteLead(customer: Customer): SourceChange[] {
    if (customer.leads.length < 2) return this.#progress(customer);
    return this.#database.remove('lead', customer.leads.pop() ?? 0);
  }

  #updateLead(customer: Customer, columns: Readonly<Record<string, ColumnValue>>): SourceChange[] {
    return [this.#database.update('lead', this.#pick(customer.leads), { ...columns, ...this.#now() })];
  }

  #now(): { updated_at: number } {
    return { updated_at: this.#options.now() * 1000 };
  }

  /** Another customer of the same dealership, found by chance; null = not this time. */
  #neighbour(customer: Customer): Customer | null {
    const other = this.#pick(this.#customers);
    return other !== customer && other.dealership === customer.dealership ? other : null;
  }

  #arriving(made: readonly SourceChange[]): SourceChange[] {
    const byTable = Map.groupBy(made, ({ table }) => table);
    const arriving: SourceChange[] = [];
    for (const table of this.#shuffled(TABLES)) {
      const changes = byTable.get(table) ?? [];
      const held = this.#held.get(table);
      if (held !== undefined) {
        held.changes.push(...changes);
        held.events -= 1;
        if (held.events > 0) continue;
        this.#held.delete(table);
        arriving.push(...held.changes);
      } else if (changes.length > 0 && this.#percent(LATE_PERCENT)) {
        this.#held.set(table, { changes: [...changes], events: 1 + this.#integer(3) });
      } else {
        arriving.push(...changes);
      }
    }
    for (const change of arriving) this.#last.set(change.table, change);
    const again = this.#percent(REPLAY_PERCENT) ? this.#last.get(this.#pick(TABLES)) : undefined;
    return again === undefined || again.op === 'tombstone' ? arriving : [...arriving, again];
  }

  #shuffled(tables: readonly Table[]): Table[] {
    return tables
      .map((table) => ({ table, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ table }) => table);
  }

  #id(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #percent(percent: number): boolean {
    return this.#random() * 100 < percent;
  }

  /** From 0 to `below` - 1. */
  #integer(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#integer(items.length)];
    if (item === undefined) throw new RangeError('nothing to choose from');
    return item;
  }
}
