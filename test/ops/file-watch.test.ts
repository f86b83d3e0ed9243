import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../src/lib/clock.ts';
import { FileWatch } from '../../src/ops/file-watch.ts';
import { scratchFolder } from '../support/scratch.ts';

/** A clock whose rests end when the test says so. */
class Steps implements Clock {
  #callback: (() => void) | null = null;
  #resting = Promise.withResolvers<void>();

  now(): number {
    return 0;
  }

  monotonic(): number {
    return 0;
  }

  after(_delayMs: number, callback: () => void): () => void {
    this.#callback = callback;
    this.#resting.resolve();
    return () => {
      this.#callback = null;
    };
  }

  /** Ends the rest and waits until the look is over. */
  async look(): Promise<void> {
    const callback = this.#callback;
    this.#resting = Promise.withResolvers();
    callback?.();
    if (callback) await this.#resting.promise;
  }
}

function watching(...paths: string[]) {
  const clock = new Steps();
  const seen = { changes: 0 };
  const watch = new FileWatch({ clock }, { everyMs: 1000, paths: () => paths, onChange: () => seen.changes++ });
  onTestFinished(() => watch.stop());
  return { clock, seen, watch, paths };
}

test('the first look calls, as a file may have changed before it; later ones only when something is different', async () => {
  await using scratch = await scratchFolder();
  const file = join(scratch.folder, 'a');
  writeFileSync(file, 'one');
  const { clock, seen } = watching(file);
  await clock.look();
  await clock.look();
  expect(seen.changes).toBe(1);
  writeFileSync(file, 'two');
  await clock.look();
  await clock.look();
  expect(seen.changes).toBe(2);
});

test('a file that goes, comes back, or is replaced by one of the same size is noticed', async () => {
  await using scratch = await scratchFolder();
  const { folder } = scratch;
  const file = join(folder, 'a');
  writeFileSync(file, 'one');
  const { clock, seen } = watching(file);
  await clock.look();
  rmSync(file);
  await clock.look();
  writeFileSync(file, 'one');
  await clock.look();
  writeFileSync(join(folder, 'b'), 'two');
  renameSync(join(folder, 'b'), file);
  await clock.look();
  expect(seen.changes).toBe(4);
});

test('the exchange of a folder behind links, as Kubernetes does it, is noticed', async () => {
  await using scratch = await scratchFolder();
  const { folder } = scratch;
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'token'), version);
  }
  symlinkSync('v1', join(folder, '..data'));
  symlinkSync('..data/token', join(folder, 'token'));
  const { clock, seen } = watching(join(folder, 'token'));
  await clock.look();
  symlinkSync('v2', join(folder, '..new'));
  renameSync(join(folder, '..new'), join(folder, '..data'));
  await clock.look();
  expect(seen.changes).toBe(2);
});

test('a path that is new is looked at from then on', async () => {
  await using scratch = await scratchFolder();
  const { folder } = scratch;
  const { clock, seen, paths } = watching();
  await clock.look();
  expect(seen.changes).toBe(0);
  paths.push(join(folder, 'later'));
  await clock.look();
  writeFileSync(join(folder, 'later'), 'x');
  await clock.look();
  expect(seen.changes).toBe(2);
});

test('after a stop nothing is called, also by a look that was under way', async () => {
  const clock = new Steps();
  const stamp = Promise.withResolvers<string>();
  let changes = 0;
  const watch = new FileWatch(
    { clock, stamp: () => stamp.promise },
    { everyMs: 1000, paths: () => ['a'], onChange: () => changes++ },
  );
  void clock.look();
  watch.stop();
  stamp.resolve('x');
  await stamp.promise;
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(changes).toBe(0);
});
