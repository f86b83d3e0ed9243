/**
 * What waits for its time: a binary heap by due time. Entries are never moved or removed: who takes one out looks whether it
 * still holds. Knows no clock.
 */
interface Entry<T> {
  readonly dueAt: number;
  readonly item: T;
}

/** A heap of items, each with a due time in ms. */
export class DueHeap<T> {
  readonly #entries: Entry<T>[] = [];

  /** The earliest due time; null when empty. */
  get nextDueAt(): number | null {
    return this.#entries[0]?.dueAt ?? null;
  }

  /** Adds an item. */
  push(dueAt: number, item: T): void {
    const entries = this.#entries;
    const entry = { dueAt, item };
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = entries[above];
      if (!parent || parent.dueAt <= dueAt) break;
      entries[at] = parent;
      at = above;
    }
    entries[at] = entry;
  }

  /** Takes the earliest item if it is due at `now`; undefined otherwise. */
  takeDue(now: number): T | undefined {
    const first = this.#entries[0];
    if (!first || first.dueAt > now) return undefined;
    const last = this.#entries.pop();
    if (last && last !== first) this.#sink(last);
    return first.item;
  }

  #sink(entry: Entry<T>): void {
    const entries = this.#entries;
    let at = 0;
    for (;;) {
      const left = entries[2 * at + 1];
      const right = entries[2 * at + 2];
      const child = right && left && right.dueAt < left.dueAt ? right : left;
      if (!child || child.dueAt >= entry.dueAt) break;
      entries[at] = child;
      at = child === right ? 2 * at + 2 : 2 * at + 1;
    }
    entries[at] = entry;
  }
}
