/**
 * Memory for very many small byte strings, outside of the JavaScript heap: big chunks that are cut into blocks. An object per
 * row would cost more than the row and would make every garbage collection walk over all of them.
 *
 * Blocks come in sizes that are multiples of 8 bytes. A freed block is kept for the next one of its size, which fits how rows
 * change: nearly always to about the same size. Memory is never given back while the heap lives; it is bounded by the most
 * blocks of each size that were in use at once.
 */
import { assert } from '../lib/assert.ts';

/** Where a block begins, in units of 8 bytes from the start of the first chunk; 0 = no block. */
export type Address = number;

const UNIT = 8;
/** A chunk has two to the power of this units, so that an address is split without a division. */
const CHUNK_BITS = 19;
const CHUNK_UNITS = 1 << CHUNK_BITS;
const CHUNK_BYTES = CHUNK_UNITS * UNIT;

/** The largest block that `alloc` gives, in bytes. */
export const BLOCK_BYTES_MAX = CHUNK_BYTES - UNIT;

export class ByteHeap {
  readonly #chunks: Buffer[] = [];
  /** First freed block of each size in units; a freed block's first bytes hold the address of the next one. */
  readonly #freed = new Map<number, Address>();
  #next = 1;
  #end = 0;

  /** Bytes taken from the system. */
  get reservedBytes(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  /** A block of at least `bytes` (1 to BLOCK_BYTES_MAX); what is in it is left over from before. */
  alloc(bytes: number): Address {
    assert(bytes > 0 && bytes <= BLOCK_BYTES_MAX, `a block of ${bytes} bytes was asked for`);
    const units = unitsOf(bytes);
    const freed = this.#freed.get(units) ?? 0;
    if (freed !== 0) {
      this.#freed.set(units, this.chunk(freed).readUInt32LE(this.at(freed)));
      return freed;
    }
    if (this.#next + units > this.#end) {
      this.#end = (this.#chunks.length + 1) * CHUNK_UNITS;
      this.#next = Math.max(1, this.#chunks.length * CHUNK_UNITS);
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
    }
    const address = this.#next;
    this.#next += units;
    return address;
  }

  /** Gives back a block that was got for `bytes`. */
  free(address: Address, bytes: number): void {
    const units = unitsOf(bytes);
    this.chunk(address).writeUInt32LE(this.#freed.get(units) ?? 0, this.at(address));
    this.#freed.set(units, address);
  }

  /** The chunk that a block lies in; its bytes begin at `at(address)`. */
  chunk(address: Address): Buffer {
    const chunk = this.#chunks[address >>> CHUNK_BITS];
    assert(chunk !== undefined && address !== 0, 'an address outside of the heap');
    return chunk;
  }

  /** Where a block begins in its chunk, in bytes. */
  at(address: Address): number {
    return (address & (CHUNK_UNITS - 1)) * UNIT;
  }
}

/** Whether a block that was got for `a` bytes also holds `b`, and would be of the same size. */
export function sameBlock(a: number, b: number): boolean {
  return unitsOf(a) === unitsOf(b);
}

function unitsOf(bytes: number): number {
  return (bytes + UNIT - 1) >>> 3;
}
