/**
 * The body of a simulated process: it lives, stands still for a while (SIGSTOP, a long pause of its virtual machine), or is
 * dead. Whatever wants to run code of the product in it goes through `enter`; what it asked of others before it died or
 * stopped still happens out there. Named points are where fate looks in.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Timeline } from './timeline.ts';

export const POINTS = [
  'before fence',
  'after fence',
  'during load',
  'before send',
  'after first send',
  'before commit',
  'commit sent',
  'after commit',
] as const;
export type Point = (typeof POINTS)[number];

export class SimProcess {
  readonly name: string;
  /** Differs from that of every other process that ever was. */
  readonly id: string;
  readonly clock: Clock;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #held: (() => void)[] = [];
  #thawedAt = 0;
  readonly #timeline: Timeline;
  readonly #fate: (process: SimProcess, point: Point) => void;

  /** `fate` is asked at each named point and may crash or freeze the process. */
  constructor(name: string, timeline: Timeline, fate: (process: SimProcess, point: Point) => void) {
    this.name = name;
    this.id = `${name} of ${timeline.ran}`;
    this.#timeline = timeline;
    this.#fate = fate;
    this.clock = {
      now: () => timeline.now(),
      monotonic: () => timeline.now(),
      after: (delayMs, callback) => {
        let cancelled = false;
        const cancel = timeline.after(delayMs, () => this.enter(() => cancelled || callback()));
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  get dead(): boolean {
    return this.#state === 'dead';
  }

  get frozen(): boolean {
    return this.#state === 'frozen';
  }

  /** When the process last went on after it had stood still, ms; 0 = never. */
  get thawedAt(): number {
    return this.#thawedAt;
  }

  /** Runs code in the process: now, or when it thaws, or never because it is dead. */
  enter(run: () => void): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'frozen') this.#held.push(run);
  }

  /** Resolves when the process goes on behind a named point; never if it dies there. */
  at(point: Point): Promise<void> {
    if (this.#state === 'running') this.#fate(this, point);
    return new Promise((resolve) => this.enter(resolve));
  }

  crash(): void {
    this.#state = 'dead';
    this.#held = [];
  }

  freeze(forMs: number): void {
    if (this.#state !== 'running') return;
    this.#state = 'frozen';
    this.#timeline.after(forMs, () => this.thaw());
  }

  /** Everything that waited runs now, in its order. */
  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    this.#thawedAt = this.#timeline.now();
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.enter(run);
  }
}
