/**
 * Batches of cluster changes through the join, over the state of one task.
 *
 * `evolve` applies one change to the state and says nothing; a load uses it alone. `announce` tells what clusters as they now
 * are have to say, each lead once however many changes touched it. Memory runs ahead of the transaction: if that fails, the
 * whole task is loaded anew.
 *
 * After a load every cluster touched at or after the task's position is *dirty*: it may have news that was never told.
 * Telling it twice tells nothing twice, because a body is compared with the last one told.
 */
import { ClusterStore } from './cluster-store.ts';
import type { Emission } from './emission.ts';
import { type Announcement, type Cluster, type JoinRules, type Stored, type Suppressed, tellLead } from './join.ts';
import { type ClusterKey, emissionKey, parseEmissionKey, parseRowKey } from './keys.ts';
import type { AppointmentRow, LeadRow, TestDriveRow } from './rows.ts';
import type { Table } from './source-event.ts';
import type { StoredRow } from './stored-row.ts';

/** How rows and emission records become bytes; the implementation lives where Avro does. */
export interface JoinCodec {
  decodeRow(table: Table, bytes: Buffer): StoredRow;
  encodeEmission(emission: Emission): Buffer;
  decodeEmission(bytes: Buffer): Emission;
}

/** A record of `cluster-changes` as the join reads it. */
export interface IncomingChange {
  readonly key: string;
  /** Null: the row left the cluster. */
  readonly value: Buffer | null;
  /** Commit time (ms) of the change that took the row out of the cluster; 0 for a row, which carries its own. */
  readonly goneAt: number;
  readonly traceparent: string | null;
}

export interface Told {
  readonly announcements: readonly (Announcement & { readonly traceparent: string | null })[];
  /** Records for the changelog `join-state`; null = forget. */
  readonly emissions: readonly { key: string; value: Buffer | null }[];
  /** Clusters that came to hold more rows than allowed: they tell nothing until they have fewer. */
  readonly quarantined: readonly { cluster: ClusterKey; rows: number }[];
  readonly suppressed: readonly { version: string; reason: Suppressed }[];
  readonly testDrivesNotFound: number;
  readonly unknownZones: number;
}

interface Touch {
  /** Newest commit time (ms) of a change that took a row away. */
  goneAt: number;
  traceparent: string | null;
  /** Leads that left the cluster since it was last told. */
  gone: Set<string> | null;
}

export class JoinClusters {
  readonly #store = new ClusterStore();
  readonly #codec: JoinCodec;
  readonly #rules: JoinRules;
  readonly #rowsMax: number;
  /** Clusters above `rowsMax` that were reported; by their rows alone they come and go. */
  readonly #quarantine = new Set<ClusterKey>();
  /** Clusters touched and not yet told, oldest first. */
  readonly #dirty = new Map<ClusterKey, Touch>();

  /** `rowsMax`: rows of one cluster beyond which it is quarantined. */
  constructor(deps: { codec: JoinCodec; rules: JoinRules; rowsMax: number }) {
    this.#codec = deps.codec;
    this.#rules = deps.rules;
    this.#rowsMax = deps.rowsMax;
  }

  get clusterCount(): number {
    return this.#store.clusterCount;
  }

  get bytes(): number {
    return this.#store.bytes;
  }

  /** Clusters with more rows than allowed, as far as they were touched. */
  get quarantinedCount(): number {
    return this.#quarantine.size;
  }

  /** Clusters that `announce` has still to tell. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** Applies a change to the state. `dirty`: whether its cluster has to be told (a load passes false before the position). */
  evolve(change: IncomingChange, dirty: boolean): void {
    const at = parseRowKey(change.key);
    if (at === null) return;
    const { cluster, table, id } = at;
    if (change.value === null) this.#store.removeRow(cluster, table, id);
    else this.#store.putRow(cluster, table, id, change.value);
    if (dirty) this.#touch(cluster, change, change.value === null && table === 'lead' ? id : null);
  }

  /** Takes a record of `join-state` while loading; null forgets. */
  restoreEmission(key: string, value: Buffer | null): void {
    const at = parseEmissionKey(key);
    if (at === null) return;
    if (value === null) this.#store.removeEmission(at.cluster, at.leadId);
    else this.#store.putEmission(at.cluster, at.leadId, value);
  }

  /** Makes every cluster dirty: for a task without a position, or with one too old to trust the log's tombstones. */
  touchAll(): void {
    for (const cluster of this.#store.clusters()) this.#touch(cluster, { goneAt: 0, traceparent: null }, null);
  }

  /** Tells up to `clustersMax` dirty clusters, oldest first. */
  announce(clustersMax: number): Told {
    const told: Mutable<Told> = {
      announcements: [],
      emissions: [],
      quarantined: [],
      suppressed: [],
      testDrivesNotFound: 0,
      unknownZones: 0,
    };
    for (const [cluster, touch] of this.#dirty) {
      if (clustersMax-- <= 0) break;
      this.#dirty.delete(cluster);
      this.#forgetLeads(cluster, touch, told);
      const rows = this.#store.rowCount(cluster);
      if (rows <= this.#rowsMax) {
        this.#quarantine.delete(cluster);
        this.#tell(cluster, touch, told);
      } else if (!this.#quarantine.has(cluster)) {
        this.#quarantine.add(cluster);
        told.quarantined.push({ cluster, rows });
      }
    }
    return told;
  }

  #tell(cluster: ClusterKey, touch: Touch, told: Mutable<Told>): void {
    const rows = this.#decode(cluster);
    const changedAt = Math.max(touch.goneAt, newestChange(rows));
    for (const lead of rows.leads) {
      const bytes = this.#store.emission(cluster, lead.row.id);
      const before = bytes === undefined ? null : this.#codec.decodeEmission(bytes);
      const one = tellLead(rows, lead, before, { changedAt, rules: this.#rules });
      for (const announcement of one.announcements) {
        told.announcements.push({ ...announcement, traceparent: touch.traceparent });
      }
      told.suppressed.push(...one.suppressed);
      told.testDrivesNotFound += one.doubts.testDrivesNotFound;
      if (one.doubts.unknownZone) told.unknownZones++;
      if (one.emission === null) continue;
      const value = this.#codec.encodeEmission(one.emission);
      this.#store.putEmission(cluster, lead.row.id, value);
      told.emissions.push({ key: emissionKey(cluster, lead.row.id), value });
    }
  }

  /** A lead that left and did not come back takes its emission record with it. */
  #forgetLeads(cluster: ClusterKey, touch: Touch, told: Mutable<Told>): void {
    for (const leadId of touch.gone ?? []) {
      if (this.#store.hasLead(cluster, leadId)) continue;
      if (!this.#store.removeEmission(cluster, leadId)) continue;
      told.emissions.push({ key: emissionKey(cluster, leadId), value: null });
    }
  }

  #touch(cluster: ClusterKey, by: { goneAt: number; traceparent: string | null }, goneLead: string | null): void {
    let touch = this.#dirty.get(cluster);
    if (touch === undefined) {
      touch = { goneAt: 0, traceparent: null, gone: null };
      this.#dirty.set(cluster, touch);
    }
    touch.goneAt = Math.max(touch.goneAt, by.goneAt);
    touch.traceparent = by.traceparent ?? touch.traceparent;
    if (goneLead !== null) {
      touch.gone ??= new Set();
      touch.gone.add(goneLead);
    }
  }

  #decode(cluster: ClusterKey): Cluster {
    const leads: Stored<LeadRow>[] = [];
    const appointments: Stored<AppointmentRow>[] = [];
    const testDrives: Stored<TestDriveRow>[] = [];
    this.#store.forEachRow(cluster, (table, bytes) => {
      const stored = this.#codec.decodeRow(table, bytes);
      if (stored.table === 'lead') leads.push(stored);
      else if (stored.table === 'appointment') appointments.push(stored);
      else testDrives.push(stored);
    });
    return { leads, appointments, testDrives };
  }

  /**
   * Emission records whose lead is no longer in its cluster, for a load that cannot trust the log's tombstones: one may have been
   * compacted away before it was ever told. Returns the records to forget.
   */
  orphans(): { key: string; value: null }[] {
    return this.#store.orphanedEmissions().map(({ cluster, leadId }) => {
      this.#store.removeEmission(cluster, leadId);
      return { key: emissionKey(cluster, leadId), value: null };
    });
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

function newestChange(cluster: Cluster): number {
  let newest = 0;
  for (const rows of [cluster.leads, cluster.appointments, cluster.testDrives]) {
    for (const { meta } of rows) newest = Math.max(newest, meta.changedAt);
  }
  return newest;
}
