/**
 * An index from hashes to addresses in a ByteHeap: open addressing in one typed array, four bytes a slot. Keys are not kept;
 * who uses it says whether an address is the one that is looked for, and what its hash is when the table grows.
 */
import type { Address } from './byte-heap.ts';

const FREE = 0;
const GONE = 0xffffffff;
const SLOTS_LEAST = 1024;

export class HashIndex {
  readonly #hashOf: (address: Address) => number;
  #slots = new Uint32Array(SLOTS_LEAST);
  #size = 0;
  #gone = 0;

  /** `hashOf` gives the hash of the key at an address that was inserted. */
  constructor(hashOf: (address: Address) => number) {
    this.#hashOf = hashOf;
  }

  get size(): number {
    return this.#size;
  }

  /** The address with this hash that `matches`; 0 if there is none. */
  find(hash: number, matches: (address: Address) => boolean): Address {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const address = this.#slots[slot] ?? FREE;
      if (address === FREE) return 0;
      if (address !== GONE && matches(address)) return address;
    }
  }

  /** Adds an address whose key is not in the index. */
  insert(hash: number, address: Address): void {
    if ((this.#size + this.#gone + 1) * 10 > this.#slots.length * 7) this.#rebuild();
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let at = this.#slots[slot]; at !== FREE && at !== GONE; at = this.#slots[slot]) slot = (slot + 1) & mask;
    if (this.#slots[slot] === GONE) this.#gone--;
    this.#slots[slot] = address;
    this.#size++;
  }

  /** Puts `to` in the place of `from`; both have this hash. */
  move(hash: number, from: Address, to: Address): void {
    this.#slots[this.#slotOf(hash, from)] = to;
  }

  /** Takes out an address that is in the index. */
  remove(hash: number, address: Address): void {
    this.#slots[this.#slotOf(hash, address)] = GONE;
    this.#size--;
    this.#gone++;
  }

  /** All addresses, in no order. Nothing may be inserted or removed meanwhile. */
  *addresses(): Generator<Address> {
    for (const address of this.#slots) if (address !== FREE && address !== GONE) yield address;
  }

  #slotOf(hash: number, address: Address): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== address) slot = (slot + 1) & mask;
    return slot;
  }

  #rebuild(): void {
    const old = this.#slots;
    let length = SLOTS_LEAST;
    while ((this.#size + 1) * 10 > length * 5) length *= 2;
    this.#slots = new Uint32Array(length);
    this.#gone = 0;
    const mask = length - 1;
    for (const address of old) {
      if (address === FREE || address === GONE) continue;
      let slot = this.#hashOf(address) & mask;
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask;
      this.#slots[slot] = address;
    }
  }
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

/** FNV leaves its low bits poorly mixed, and the index looks at those. */
function mixed(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Whether the bytes at `start` spell `text`, in which every character is one byte. */
export function spells(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
