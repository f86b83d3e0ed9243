/**
 * The join's keyed state of one task: per lead cluster its rows and, per lead, its emission record, all as the bytes that Kafka
 * holds. They lie in a ByteHeap, one block each, so that a million clusters cost little more than their bytes; a row is decoded
 * when its cluster is touched.
 *
 * A cluster is a head block with the cluster key, and a doubly linked list of its members. One index finds heads by cluster key
 * and members by cluster, kind and id, so that a cluster of any size is changed in constant time.
 */
import { assert } from '../lib/assert.ts';
import { type Address, BLOCK_BYTES_MAX, ByteHeap, sameBlock } from './byte-heap.ts';
import { HashIndex, hashText, spell, spells } from './hash-index.ts';
import type { ClusterKey } from './keys.ts';
import { TABLES, type Table } from './source-event.ts';

/**
 * Block: next member (4), previous member (4), head (4), value length (3), kind (3 bits) and text length (5 bits), text, value. In
 * a head the text is the cluster key, `next` the first member, and the value the number of rows (4). A text is a word and an
 * int64 at most, 31 characters.
 */
const NEXT = 0;
const PREVIOUS = 4;
const HEAD = 8;
const LENGTH = 12;
const KIND = 15;
const HEADER = 16;
const LENGTH_BYTES = 3;

const HEAD_KIND = 0;
const EMISSION_KIND = TABLES.length + 1;
const COUNT_BYTES = 4;
const TEXT_BITS = 5;
const TEXT_BYTES_MAX = (1 << TEXT_BITS) - 1;

export class ClusterStore {
  readonly #heap = new ByteHeap();
  readonly #index = new HashIndex();
  /** The cluster that was looked for last: rows of a cluster often come one after the other. */
  #last: { key: ClusterKey; head: Address } = { key: '', head: 0 };
  #bytes = 0;
  #clusters = 0;

  /** Clusters that have a row or an emission record. */
  get clusterCount(): number {
    return this.#clusters;
  }

  /** Bytes of all rows and emission records. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes taken from the system for them. */
  get reservedBytes(): number {
    return this.#heap.reservedBytes;
  }

  /** Keys of all clusters, in no order. The store must not change meanwhile. */
  *clusters(): Generator<ClusterKey> {
    for (const address of this.#index.addresses()) if (this.#kind(address) === HEAD_KIND) yield this.#text(address);
  }

  rowCount(cluster: ClusterKey): number {
    const head = this.#head(cluster);
    return head === 0 ? 0 : this.#rows(head);
  }

  hasLead(cluster: ClusterKey, leadId: string): boolean {
    const head = this.#head(cluster);
    return head !== 0 && this.#member(head, kindOf('lead'), leadId) !== 0;
  }

  /** Keeps a copy of a row's bytes. */
  putRow(cluster: ClusterKey, table: Table, id: string, bytes: Buffer): void {
    this.#put(cluster, kindOf(table), id, bytes);
  }

  removeRow(cluster: ClusterKey, table: Table, id: string): void {
    this.#remove(cluster, kindOf(table), id);
  }

  /** Calls `visit` with every row of the cluster; the bytes are a view that the next change of the store may overwrite. */
  forEachRow(cluster: ClusterKey, visit: (table: Table, bytes: Buffer) => void): void {
    const head = this.#head(cluster);
    if (head === 0) return;
    for (let address = this.#u32(head, NEXT); address !== 0; address = this.#u32(address, NEXT)) {
      const table = TABLES[this.#kind(address) - 1];
      if (table !== undefined) visit(table, this.#value(address));
    }
  }

  /** A view of the emission record of a lead; undefined if there is none. */
  emission(cluster: ClusterKey, leadId: string): Buffer | undefined {
    const head = this.#head(cluster);
    const address = head === 0 ? 0 : this.#member(head, EMISSION_KIND, leadId);
    return address === 0 ? undefined : this.#value(address);
  }

  /** Keeps a copy of an emission record's bytes. */
  putEmission(cluster: ClusterKey, leadId: string, bytes: Buffer): void {
    this.#put(cluster, EMISSION_KIND, leadId, bytes);
  }

  removeEmission(cluster: ClusterKey, leadId: string): boolean {
    return this.#remove(cluster, EMISSION_KIND, leadId);
  }

  /** Leads that have an emission record and no row: a load may find them (see JoinClusters.orphans). */
  orphanedEmissions(): { cluster: ClusterKey; leadId: string }[] {
    const orphans: { cluster: ClusterKey; leadId: string }[] = [];
    for (const address of this.#index.addresses()) {
      if (this.#kind(address) !== EMISSION_KIND) continue;
      const head = this.#u32(address, HEAD);
      const leadId = this.#text(address);
      if (this.#member(head, kindOf('lead'), leadId) === 0) orphans.push({ cluster: this.#text(head), leadId });
    }
    return orphans;
  }

  #put(cluster: ClusterKey, kind: number, id: string, bytes: Buffer): void {
    const size = HEADER + id.length + bytes.length;
    assert(size <= BLOCK_BYTES_MAX && id.length <= TEXT_BYTES_MAX, 'a row is larger than Kafka would hold');
    const head = this.#head(cluster) || this.#addHead(cluster);
    const before = this.#member(head, kind, id);
    const address = before === 0 ? this.#heap.alloc(size) : this.#resize(before, size);
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    if (before === 0) {
      const first = this.#u32(head, NEXT);
      chunk.writeUInt32LE(first, at + NEXT);
      chunk.writeUInt32LE(0, at + PREVIOUS);
      chunk.writeUInt32LE(head, at + HEAD);
      chunk[at + KIND] = (kind << TEXT_BITS) | id.length;
      spell(chunk, at + HEADER, id);
      if (first !== 0) this.#setU32(first, PREVIOUS, address);
      this.#setU32(head, NEXT, address);
      if (kind !== EMISSION_KIND) this.#addRows(head, 1);
      this.#index.insert(memberHash(head, kind, id), address);
    } else {
      this.#bytes -= chunk.readUIntLE(at + LENGTH, LENGTH_BYTES);
    }
    chunk.writeUIntLE(bytes.length, at + LENGTH, LENGTH_BYTES);
    chunk.set(bytes, at + HEADER + id.length);
    this.#bytes += bytes.length;
  }

  /** A block for the same member that holds `size` bytes: the same one, or another into which all but the value was copied. */
  #resize(before: Address, size: number): Address {
    const old = this.#sizeOf(before);
    if (sameBlock(old, size)) return before;
    const address = this.#heap.alloc(size);
    const from = this.#heap.at(before);
    const text = this.#text(before);
    this.#heap.chunk(before).copy(this.#heap.chunk(address), this.#heap.at(address), from, from + HEADER + text.length);
    const head = this.#u32(before, HEAD);
    this.#index.move(memberHash(head, this.#kind(before), text), before, address);
    this.#link(head, this.#u32(before, PREVIOUS), address);
    const next = this.#u32(before, NEXT);
    if (next !== 0) this.#setU32(next, PREVIOUS, address);
    this.#heap.free(before, old);
    return address;
  }

  #remove(cluster: ClusterKey, kind: number, id: string): boolean {
    const head = this.#head(cluster);
    const address = head === 0 ? 0 : this.#member(head, kind, id);
    if (address === 0) return false;
    const next = this.#u32(address, NEXT);
    const previous = this.#u32(address, PREVIOUS);
    this.#link(head, previous, next);
    if (next !== 0) this.#setU32(next, PREVIOUS, previous);
    if (kind !== EMISSION_KIND) this.#addRows(head, -1);
    this.#bytes -= this.#value(address).length;
    this.#index.remove(memberHash(head, kind, id), address);
    this.#heap.free(address, this.#sizeOf(address));
    if (this.#u32(head, NEXT) === 0) this.#removeHead(cluster, head);
    return true;
  }

  /** Makes `to` the member after `previous`, or the first one when there is no previous. */
  #link(head: Address, previous: Address, to: Address): void {
    if (previous === 0) this.#setU32(head, NEXT, to);
    else this.#setU32(previous, NEXT, to);
  }

  #addHead(cluster: ClusterKey): Address {
    assert(cluster.length <= TEXT_BYTES_MAX, 'a cluster key is too long');
    const address = this.#heap.alloc(HEADER + cluster.length + COUNT_BYTES);
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    chunk.fill(0, at, at + HEADER);
    chunk.writeUIntLE(COUNT_BYTES, at + LENGTH, LENGTH_BYTES);
    chunk[at + KIND] = (HEAD_KIND << TEXT_BITS) | cluster.length;
    spell(chunk, at + HEADER, cluster);
    chunk.writeUInt32LE(0, at + HEADER + cluster.length);
    this.#index.insert(hashText(cluster), address);
    this.#clusters++;
    return address;
  }

  #removeHead(cluster: ClusterKey, head: Address): void {
    this.#index.remove(hashText(cluster), head);
    this.#heap.free(head, this.#sizeOf(head));
    this.#last.head = 0;
    this.#clusters--;
  }

  #head(cluster: ClusterKey): Address {
    const last = this.#last;
    if (last.key === cluster && last.head !== 0) return last.head;
    last.key = cluster;
    last.head = this.#index.find(hashText(cluster), (address) => this.#is(address, HEAD_KIND, cluster));
    return last.head;
  }

  #member(head: Address, kind: number, id: string): Address {
    return this.#index.find(
      memberHash(head, kind, id),
      (address) => this.#u32(address, HEAD) === head && this.#is(address, kind, id),
    );
  }

  #is(address: Address, kind: number, text: string): boolean {
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    return chunk[at + KIND] === ((kind << TEXT_BITS) | text.length) && spells(chunk, at + HEADER, text);
  }

  #rows(head: Address): number {
    return this.#value(head).readUInt32LE(0);
  }

  #addRows(head: Address, by: number): void {
    const value = this.#value(head);
    value.writeUInt32LE(value.readUInt32LE(0) + by, 0);
  }

  #kind(address: Address): number {
    return (this.#heap.chunk(address)[this.#heap.at(address) + KIND] ?? 0) >>> TEXT_BITS;
  }

  #textLength(address: Address): number {
    return (this.#heap.chunk(address)[this.#heap.at(address) + KIND] ?? 0) & TEXT_BYTES_MAX;
  }

  #text(address: Address): string {
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    return chunk.toString('latin1', at + HEADER, at + HEADER + this.#textLength(address));
  }

  #value(address: Address): Buffer {
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    const start = at + HEADER + this.#textLength(address);
    return chunk.subarray(start, start + chunk.readUIntLE(at + LENGTH, LENGTH_BYTES));
  }

  #sizeOf(address: Address): number {
    const length = this.#heap.chunk(address).readUIntLE(this.#heap.at(address) + LENGTH, LENGTH_BYTES);
    return HEADER + this.#textLength(address) + length;
  }

  #u32(address: Address, field: number): number {
    return this.#heap.chunk(address).readUInt32LE(this.#heap.at(address) + field);
  }

  #setU32(address: Address, field: number, value: number): void {
    this.#heap.chunk(address).writeUInt32LE(value, this.#heap.at(address) + field);
  }
}

function kindOf(table: Table): number {
  return TABLES.indexOf(table) + 1;
}

/** Members of a cluster are told apart by their head's address, which stays the same while the cluster has members. */
function memberHash(head: Address, kind: number, id: string): number {
  return hashText(id, Math.imul(head, 0x9e3779b1) ^ kind);
}
