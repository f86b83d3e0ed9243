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
/** More than this is reserved, and most of it for nothing: worth the work of moving what is left, bytes. */
const WASTE_MIN = 16 * 1024 * 1024;
/** The largest packed value that can be kept, in bytes: far beyond what a topic takes. */
const PACKED_BYTES_MAX = BLOCK_BYTES_MAX - HEADER;

export class PackedValues {
  readonly #packing: Packing;
  #heap = new ByteHeap();
  #count = 0;
  #bytes = 0;

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
    this.#bytes += HEADER + packed.length;
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
    const bytes = HEADER + this.bytes(address);
    this.#count -= 1;
    this.#bytes -= bytes;
    if (this.#count === 0) this.#heap = new ByteHeap();
    else this.#heap.free(address, bytes);
  }

  /** Less than a quarter of much memory is in use. */
  get wasteful(): boolean {
    return this.#heap.reservedBytes > Math.max(WASTE_MIN, 4 * this.#bytes);
  }

  /**
   * Starts with memory that is just enough: each value must be moved.
   * @returns what moves the value at an old address; to be called once for each value, before anything else.
   */
  compact(): (address: Address) => Address {
    const old = this.#heap;
    this.#heap = new ByteHeap();
    this.#count = 0;
    this.#bytes = 0;
    return (address) => this.keepPacked(viewIn(old, address));
  }

  #view(address: Address): Buffer {
    return viewIn(this.#heap, address);
  }
}

function viewIn(heap: ByteHeap, address: Address): Buffer {
  const chunk = heap.chunk(address);
  const at = heap.at(address);
  return chunk.subarray(at + HEADER, at + HEADER + chunk.readUInt32LE(at));
}
