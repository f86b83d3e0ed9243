/**
 * The values of a task's pending deliveries: packed, and outside of the JavaScript heap. An endpoint that is down for hours may
 * have hundreds of thousands of deliveries waiting; unpacked they would take several times as much, and as objects they would make
 * each garbage collection slow for all the others. A value is unpacked when its turn comes. Knows no delivery.
 */
import { type Address, BLOCK_BYTES_MAX, ByteHeap } from '../core/byte-heap.ts';
import type { Packing } from '../core/delivery.ts';
import { assert } from '../lib/assert.ts';

/** Before the packed bytes stands their length. */
const HEADER = 4;
/** The largest packed value that can be kept, in bytes: far beyond what a topic takes. */
const PACKED_BYTES_MAX = BLOCK_BYTES_MAX - HEADER;

export class PackedValues {
  readonly #packing: Packing;
  #heap = new ByteHeap();
  #count = 0;

  constructor(packing: Packing) {
    this.#packing = packing;
  }

  /** How many values are kept. */
  get count(): number {
    return this.#count;
  }

  /** Packs `value` and keeps it. @returns where, for the other methods. */
  keep(value: Buffer): Address {
    return this.keepPacked(this.#packing.pack(value));
  }

  /** Keeps a copy of what is packed already. */
  keepPacked(packed: Buffer): Address {
    assert(packed.length <= PACKED_BYTES_MAX, `a packed value of ${packed.length} bytes cannot be kept`);
    const address = this.#heap.alloc(HEADER + packed.length);
    const chunk = this.#heap.chunk(address);
    const at = this.#heap.at(address);
    chunk.writeUInt32LE(packed.length, at);
    packed.copy(chunk, at + HEADER);
    this.#count += 1;
    return address;
  }

  /** The packed size of a value, in bytes. */
  bytes(address: Address): number {
    return this.#heap.chunk(address).readUInt32LE(this.#heap.at(address));
  }

  /** A copy of a value as it is kept. */
  packed(address: Address): Buffer {
    return Buffer.from(this.#view(address));
  }

  /** A value, unpacked. */
  value(address: Address): Buffer {
    return this.#packing.unpack(this.#view(address));
  }

  /** The value of packed bytes that are not kept here. */
  unpacked(packed: Buffer): Buffer {
    return this.#packing.unpack(packed);
  }

  /** Forgets a value; its address may be given to another. When the last one goes, so does all memory. */
  drop(address: Address): void {
    this.#count -= 1;
    if (this.#count === 0) this.#heap = new ByteHeap();
    else this.#heap.free(address, HEADER + this.bytes(address));
  }

  #view(address: Address): Buffer {
    const chunk = this.#heap.chunk(address);
    const start = this.#heap.at(address) + HEADER;
    return chunk.subarray(start, start + this.bytes(address));
  }
}
