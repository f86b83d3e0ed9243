import { expect, test } from 'vitest';
import { type Place, Turns } from '../../src/delivery/turns.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

class Queue {
  readonly started: string[];
  readonly #turns: Turns;
  readonly #name: string;
  /** Of what has started and not ended, the oldest first. */
  readonly places: Place[] = [];
  left: number;

  constructor(name: string, left: number, at: { turns: Turns; started: string[] }) {
    this.#name = name;
    this.left = left;
    this.#turns = at.turns;
    this.started = at.started;
  }

  pump(): void {
    while (this.left > 0) {
      const place = this.#turns.take(this);
      if (!place) return;
      this.#start(place);
    }
  }

  turn(place: Place): boolean {
    if (this.left === 0) return false;
    this.#start(place);
    this.pump();
    return true;
  }

  /** The oldest has ended. */
  end(): void {
    const place = this.places.shift();
    if (!place) throw new Error(`nothing of ${this.#name} is in flight`);
    this.#turns.giveBack(place);
  }

  #start(place: Place): void {
    this.left -= 1;
    this.places.push(place);
    this.started.push(this.#name);
  }
}

test('while the limit is reached, whoever waits gets one place in turn, however long the queue of another is', () => {
  const turns = new Turns(new VirtualClock(), 2);
  const started: string[] = [];
  const long = new Queue('long', 100, { turns, started });
  const short = new Queue('short', 2, { turns, started });
  const other = new Queue('other', 2, { turns, started });
  for (const queue of [long, short, other]) queue.pump();
  for (const queue of [long, long, long, short, other, long]) queue.end();
  expect(started).toEqual(['long', 'long', 'long', 'short', 'other', 'long', 'short', 'other']);
});

test('a place that nobody can use stays free', () => {
  const turns = new Turns(new VirtualClock(), 1);
  const started: string[] = [];
  const one = new Queue('one', 1, { turns, started });
  const idle = new Queue('idle', 1, { turns, started });
  one.pump();
  idle.pump();
  idle.left = 0;
  one.end();
  one.left = 1;
  one.pump();
  expect(started).toEqual(['one', 'one']);
});

test('places of requests that get no answer for a second are lent to those who wait, and to nobody before', () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock, 4);
  const started: string[] = [];
  const hung = new Queue('hung', 4, { turns, started });
  const quick = new Queue('quick', 3, { turns, started });
  hung.pump();
  clock.advance(500);
  quick.pump();
  clock.advance(499);
  expect(started).toEqual(['hung', 'hung', 'hung', 'hung']);
  clock.advance(1);
  expect(started.slice(4)).toEqual(['quick', 'quick', 'quick']);
  expect(clock.waiting).toBe(0);
});

test('as many places as there are can be lent, and one that ends after it was lent is free no second time', () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock, 2);
  const started: string[] = [];
  const hung = new Queue('hung', 10, { turns, started });
  hung.pump();
  clock.advance(60_000);
  expect(started).toHaveLength(4);
  hung.end();
  expect(started).toHaveLength(5);
  clock.advance(60_000);
  expect(started).toHaveLength(5);
});

test('nobody waits: no timer runs, however long requests take', () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock, 2);
  new Queue('one', 2, { turns, started: [] }).pump();
  expect(clock.waiting).toBe(0);
});
