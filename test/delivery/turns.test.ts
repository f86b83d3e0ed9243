import { expect, test } from 'vitest';
import { Turns } from '../../src/delivery/turns.ts';

class Queue {
  readonly started: string[];
  readonly #turns: Turns;
  readonly #name: string;
  left: number;

  constructor(name: string, left: number, at: { turns: Turns; started: string[] }) {
    this.#name = name;
    this.left = left;
    this.#turns = at.turns;
    this.started = at.started;
  }

  pump(): void {
    while (this.left > 0 && this.#turns.take(this)) this.#start();
  }

  turn(): boolean {
    if (this.left === 0) return false;
    this.#start();
    this.pump();
    return true;
  }

  #start(): void {
    this.left -= 1;
    this.started.push(this.#name);
  }
}

test('while the limit is reached, whoever waits gets one place in turn, however long the queue of another is', () => {
  const turns = new Turns(2);
  const started: string[] = [];
  const long = new Queue('long', 100, { turns, started });
  const short = new Queue('short', 2, { turns, started });
  const other = new Queue('other', 2, { turns, started });
  for (const queue of [long, short, other]) queue.pump();
  for (let ended = 0; ended < 6; ended += 1) turns.giveBack();
  expect(started).toEqual(['long', 'long', 'long', 'short', 'other', 'long', 'short', 'other']);
});

test('a place that nobody can use stays free', () => {
  const turns = new Turns(1);
  const started: string[] = [];
  const one = new Queue('one', 1, { turns, started });
  const idle = new Queue('idle', 1, { turns, started });
  one.pump();
  idle.pump();
  idle.left = 0;
  turns.giveBack();
  one.left = 1;
  one.pump();
  expect(started).toEqual(['one', 'one']);
});
