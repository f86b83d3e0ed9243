/** A first-in-first-out queue on an array with a moving head: `Array.shift` copies the rest each time once it is long. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** Adds at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** The first item, which stays; undefined when empty. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Takes the first item; undefined when empty. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Keeps the items that `stays` accepts, in their order. */
  keep(stays: (item: T) => boolean): void {
    this.#items = [...this].filter(stays);
    this.#head = 0;
  }

  /** How many items wait. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The items in order; the queue must not change meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#head; i < this.#items.length; i += 1) yield this.#items[i] as T;
  }
}
