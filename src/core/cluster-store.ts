/**
 * The join's keyed state of one task: per lead cluster its rows, and per lead its emission record, all as the bytes that
 * Kafka holds. Rows are decoded when their cluster is touched, since objects would cost four times the memory. What is put
 * in is copied: a record that was read is a view into a whole fetch answer and would keep all of it alive.
 */
import type { ClusterKey } from './keys.ts';
import type { Table } from './source-event.ts';

export class ClusterStore {
  readonly #clusters = new Map<ClusterKey, Map<string, Buffer>>();
  readonly #emissions = new Map<string, Buffer>();
  #bytes = 0;

  get clusterCount(): number {
    return this.#clusters.size;
  }

  /** Bytes of all rows and emission records, keys not counted. */
  get bytes(): number {
    return this.#bytes;
  }

  clusters(): IterableIterator<ClusterKey> {
    return this.#clusters.keys();
  }

  rowCount(cluster: ClusterKey): number {
    return this.#clusters.get(cluster)?.size ?? 0;
  }

  hasLead(cluster: ClusterKey, leadId: string): boolean {
    return this.#clusters.get(cluster)?.has(`lead|${leadId}`) ?? false;
  }

  putRow(cluster: ClusterKey, table: Table, id: string, bytes: Buffer): void {
    let rows = this.#clusters.get(cluster);
    if (rows === undefined) {
      rows = new Map();
      this.#clusters.set(cluster, rows);
    }
    const key = `${table}|${id}`;
    this.#bytes += bytes.length - (rows.get(key)?.length ?? 0);
    rows.set(key, Buffer.from(bytes));
  }

  removeRow(cluster: ClusterKey, table: Table, id: string): void {
    const rows = this.#clusters.get(cluster);
    const key = `${table}|${id}`;
    const bytes = rows?.get(key);
    if (rows === undefined || bytes === undefined) return;
    rows.delete(key);
    this.#bytes -= bytes.length;
    if (rows.size === 0) this.#clusters.delete(cluster);
  }

  /** Calls `visit` with every row of the cluster. */
  forEachRow(cluster: ClusterKey, visit: (table: Table, bytes: Buffer) => void): void {
    for (const [key, bytes] of this.#clusters.get(cluster) ?? []) visit(key.slice(0, key.indexOf('|')) as Table, bytes);
  }

  emissionKeys(): IterableIterator<string> {
    return this.#emissions.keys();
  }

  /** `key` is `emissionKey(cluster, lead)`. */
  emission(key: string): Buffer | undefined {
    return this.#emissions.get(key);
  }

  putEmission(key: string, bytes: Buffer): void {
    this.#bytes += bytes.length - (this.#emissions.get(key)?.length ?? 0);
    this.#emissions.set(key, Buffer.from(bytes));
  }

  removeEmission(key: string): boolean {
    this.#bytes -= this.#emissions.get(key)?.length ?? 0;
    return this.#emissions.delete(key);
  }
}
