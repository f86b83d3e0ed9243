/**
 * A map from short ASCII keys to bytes, for millions of entries: one block of a ByteHeap and some sixteen bytes of index each, no
 * object at all. Values are copied in and out.
 */
import { assert } from '../lib/assert.ts';
import { type Address, ByteHeap, sameBlock } from './byte-heap.ts';
import { HashIndex, hashText, spells } from './hash-index.ts';

/** Block: value length (4 bytes), key length (1 byte), key, value. */
const HEADER = 5;
/** The longest key, in characters. */
export const KEY_BYTES_MAX = 255;

export class ByteMap {
  readonly #heap = new ByteHeap();
  readonly #index = new HashIndex();
  #bytes = 0;

  get size(): number {
    return this.#index.size;
  }

  /** Bytes of keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes taken from the system for them. */
  get reservedBytes(): number {
    return this.#heap.reservedBytes;
  }

  /** A copy of the value; undefined if there is none. */
  get(key: string): Buffer | undefined {
    const address = this.#find(key, hashText(key));
    if (address === 0) return undefined;
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    const start = at + HEADER + key.length;
    return Buffer.from(chunk.subarray(start, start + chunk.readUInt32LE(at)));
  }

  /** Keeps a copy of `value`. `key`: at most 255 ASCII characters. */
  set(key: string, value: Buffer): void {
    assert(key.length <= KEY_BYTES_MAX, 'a key of a ByteMap is too long');
    const hash = hashText(key);
    const before = this.#find(key, hash);
    const size = HEADER + key.length + value.length;
    let address = before;
    if (before !== 0) {
      const old = this.#sizeOf(before);
      this.#bytes -= old - HEADER;
      if (!sameBlock(old, size)) {
        address = this.#heap.alloc(size);
        this.#index.move(hash, before, address);
        this.#heap.free(before, old);
      }
    } else {
      address = this.#heap.alloc(size);
      this.#write(address, key, value);
      this.#index.insert(hash, address);
    }
    if (before !== 0) this.#write(address, key, value);
    this.#bytes += size - HEADER;
  }

  delete(key: string): boolean {
    const hash = hashText(key);
    const address = this.#find(key, hash);
    if (address === 0) return false;
    const size = this.#sizeOf(address);
    this.#index.remove(hash, address);
    this.#heap.free(address, size);
    this.#bytes -= size - HEADER;
    return true;
  }

  /** All keys, in no order. Nothing may be set or deleted meanwhile. */
  *keys(): Generator<string> {
    for (const address of this.#index.addresses()) {
      const chunk = this.#heap.chunk(address);
      const at = this.#heap.at(address);
      yield chunk.toString('latin1', at + HEADER, at + HEADER + (chunk[at + 4] ?? 0));
    }
  }

  #find(key: string, hash: number): Address {
    return this.#index.find(hash, (address) => {
      const chunk = this.#heap.chunk(address);
      const at = this.#heap.at(address);
      return chunk[at + 4] === key.length && spells(chunk, at + HEADER, key);
    });
  }

  #write(address: Address, key: string, value: Buffer): void {
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    chunk.writeUInt32LE(value.length, at);
    chunk[at + 4] = key.length;
    chunk.write(key, at + HEADER, 'latin1');
    value.copy(chunk, at + HEADER + key.length);
  }

  #sizeOf(address: Address): number {
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    return HEADER + (chunk[at + 4] ?? 0) + chunk.readUInt32LE(at);
  }
}
