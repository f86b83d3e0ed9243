/**
 * The rows that rekey wrote lately, as bytes, so that an update that leaves big columns out need not read the row back from
 * Kafka. Least recently used goes first; bounded by bytes. A miss costs one read, never correctness.
 */
export class RowCache {
  readonly #rows = new Map<string, Buffer>();
  readonly #bytesMax: number;
  #bytes = 0;

  /** `bytesMax`: limit of the rows' bytes together; 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the rows held. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  get(key: string): Buffer | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  set(key: string, row: Buffer): void {
    this.delete(key);
    this.#rows.set(key, row);
    this.#bytes += row.length;
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#bytes -= row.length;
  }
}
