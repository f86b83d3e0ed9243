/**
 * An index from hashes to addresses in a ByteHeap: open addressing in typed arrays, eight bytes a slot: address and hash. The hash
 * stands there so that neither a growing table nor a slot of another key has to look into the heap, which costs a cache miss
 * each. Keys are not kept; who uses it says whether an address of the same hash is the one that is looked for. There are many
 * small tables instead of a big one, because a table grows at one go: with millions of entries that would stop the process for
 * a second.
 */
import { assert } from '../lib/assert.ts';
import type { Address } from './byte-heap.ts';

const FREE = 0;
const GONE = 0xffffffff;
const SLOTS_LEAST = 16;
/** The hash's upper bits choose the table, its lower bits the slot. */
const TABLE_BITS = 8;

interface Table {
  /** Address and hash of each slot in turn. */
  slots: Uint32Array;
  size: number;
  gone: number;
}

export class HashIndex {
  readonly #tables: Table[] = [];
  #size = 0;

  constructor() {
    for (let i = 0; i < 1 << TABLE_BITS; i++)
      this.#tables.push({ slots: new Uint32Array(SLOTS_LEAST * 2), size: 0, gone: 0 });
  }

  get size(): number {
    return this.#size;
  }

  /** The address with this hash that `matches`; 0 if there is none. */
  find(hash: number, matches: (address: Address) => boolean): Address {
    const { slots } = this.#table(hash);
    const mask = slots.length - 1;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const address = slots[slot] ?? FREE;
      if (address === FREE) return 0;
      if (slots[slot + 1] === hash && address !== GONE && matches(address)) return address;
    }
  }

  /** Adds an address whose key is not in the index. */
  insert(hash: number, address: Address): void {
    const table = this.#table(hash);
    if ((table.size + table.gone + 1) * 20 > table.slots.length * 7) rebuild(table);
    const { slots } = table;
    const slot = freeSlot(slots, hash);
    if (slots[slot] === GONE) table.gone--;
    slots[slot] = address;
    slots[slot + 1] = hash;
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
      for (let slot = 0; slot < slots.length; slot += 2) {
        const address = slots[slot] ?? FREE;
        if (address !== FREE && address !== GONE) yield address;
      }
    }
  }

  #table(hash: number): Table {
    const table = this.#tables[hash >>> (32 - TABLE_BITS)];
    assert(table !== undefined, 'a hash is an unsigned 32-bit integer');
    return table;
  }
}

/** Makes a table anew for twice the entries that it has, without the slots that are gone. */
function rebuild(table: Table): void {
  const old = table.slots;
  let length = SLOTS_LEAST;
  while ((table.size + 1) * 10 > length * 5) length *= 2;
  const slots = new Uint32Array(length * 2);
  for (let at = 0; at < old.length; at += 2) {
    const address = old[at] ?? FREE;
    if (address === FREE || address === GONE) continue;
    const hash = old[at + 1] ?? 0;
    const slot = freeSlot(slots, hash);
    slots[slot] = address;
    slots[slot + 1] = hash;
  }
  table.slots = slots;
  table.gone = 0;
}

/** The first slot for this hash that holds no address. */
function freeSlot(slots: Uint32Array, hash: number): number {
  const mask = slots.length - 1;
  let slot = (hash << 1) & mask;
  while (slots[slot] !== FREE && slots[slot] !== GONE) slot = (slot + 2) & mask;
  return slot;
}

function slotOf(slots: Uint32Array, hash: number, address: Address): number {
  const mask = slots.length - 1;
  let slot = (hash << 1) & mask;
  while (slots[slot] !== address) slot = (slot + 2) & mask;
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

/** Writes `text`, in which every character is one byte, at `start`. For short texts quicker than the Buffer's own way. */
export function spell(bytes: Buffer, start: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[start + i] = text.charCodeAt(i);
}
