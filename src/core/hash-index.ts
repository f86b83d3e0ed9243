/**
 * An index from hashes to addresses in a ByteHeap: open addressing in typed arrays, four bytes a slot. Keys are not kept; who uses
 * it says whether an address is the one that is looked for, and what its hash is when a table grows. There are many small tables
 * instead of a big one, because a table grows at one go: with millions of entries that would stop the process for a second.
 */
import { assert } from '../lib/assert.ts';
import type { Address } from './byte-heap.ts';

const FREE = 0;
const GONE = 0xffffffff;
const SLOTS_LEAST = 16;
/** The hash's upper bits choose the table, its lower bits the slot. */
const TABLE_BITS = 8;

interface Table {
  slots: Uint32Array;
  size: number;
  gone: number;
}

export class HashIndex {
  readonly #hashOf: (address: Address) => number;
  readonly #tables: Table[] = [];
  #size = 0;

  /** `hashOf` gives the hash of the key at an address that was inserted. */
  constructor(hashOf: (address: Address) => number) {
    this.#hashOf = hashOf;
    for (let i = 0; i < 1 << TABLE_BITS; i++)
      this.#tables.push({ slots: new Uint32Array(SLOTS_LEAST), size: 0, gone: 0 });
  }

  get size(): number {
    return this.#size;
  }

  /** The address with this hash that `matches`; 0 if there is none. */
  find(hash: number, matches: (address: Address) => boolean): Address {
    const { slots } = this.#table(hash);
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const address = slots[slot] ?? FREE;
      if (address === FREE) return 0;
      if (address !== GONE && matches(address)) return address;
    }
  }

  /** Adds an address whose key is not in the index. */
  insert(hash: number, address: Address): void {
    const table = this.#table(hash);
    if ((table.size + table.gone + 1) * 10 > table.slots.length * 7) this.#rebuild(table);
    const { slots } = table;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== FREE && slots[slot] !== GONE) slot = (slot + 1) & mask;
    if (slots[slot] === GONE) table.gone--;
    slots[slot] = address;
    table.size++;
    this.#size++;
  }

  /** Puts `to` in the place of `from`; both have this hash. */
  move(hash: number, from: Address, to: Address): void {
    const { slots } = this.#table(hash);
    slots[slotOf(slots, hash, from)] = to;
  }

  /** Takes out an address that is in the index. */
  remove(hash: number, address: Address): void {
    const table = this.#table(hash);
    table.slots[slotOf(table.slots, hash, address)] = GONE;
    table.size--;
    table.gone++;
    this.#size--;
  }

  /** All addresses, in no order. Nothing may be inserted or removed meanwhile. */
  *addresses(): Generator<Address> {
    for (const { slots } of this.#tables) {
      for (const address of slots) if (address !== FREE && address !== GONE) yield address;
    }
  }

  #table(hash: number): Table {
    const table = this.#tables[hash >>> (32 - TABLE_BITS)];
    assert(table !== undefined, 'a hash is an unsigned 32-bit integer');
    return table;
  }

  #rebuild(table: Table): void {
    const old = table.slots;
    let length = SLOTS_LEAST;
    while ((table.size + 1) * 10 > length * 5) length *= 2;
    const slots = new Uint32Array(length);
    const mask = length - 1;
    for (const address of old) {
      if (address === FREE || address === GONE) continue;
      let slot = this.#hashOf(address) & mask;
      while (slots[slot] !== FREE) slot = (slot + 1) & mask;
      slots[slot] = address;
    }
    table.slots = slots;
    table.gone = 0;
  }
}

function slotOf(slots: Uint32Array, hash: number, address: Address): number {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== address) slot = (slot + 1) & mask;
  return slot;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** A 32-bit hash (FNV-1a with a final mix) of a text in which every character is one byte; `seed` chains several parts. */
export function hashText(text: string, seed = FNV_OFFSET): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return mixed(hash);
}

/** The same hash of bytes. */
export function hashBytes(bytes: Buffer, range: { start: number; end: number }, seed = FNV_OFFSET): number {
  let hash = seed;
  for (let i = range.start; i < range.end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), FNV_PRIME);
  return mixed(hash);
}

/** FNV mixes poorly, and the index looks at some of the bits only. */
function mixed(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = Math.imul(h, 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Whether the bytes at `start` spell `text`, in which every character is one byte. */
export function spells(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
