/**
 * A run that leaves a process behind fails. Every process that a test starts, and whatever that starts in turn, inherits
 * a mark in its environment; after the last test nobody but vitest itself may carry it. Reads /proc, so it judges on Linux
 * only.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const MARK = 'TEST_RUN_ID';
/** A killed process is gone when the kernel has had a moment. */
const GRACE_MS = 3_000;
const INTERVAL_MS = 50;

/** Called by vitest before the first test of a project; what it returns, after the last. */
export default function setup(): () => Promise<void> {
  process.env[MARK] ??= randomUUID();
  const mark = `${MARK}=${process.env[MARK]}`;
  return async () => {
    const deadline = performance.now() + GRACE_MS;
    let left = leftBehind(mark);
    while (left.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      left = leftBehind(mark);
    }
    if (left.length > 0) throw new Error(`processes left behind by the tests:\n${left.join('\n')}`);
  };
}

/** Process id and program of each process that carries `mark` and is not part of vitest. */
export function leftBehind(mark: string): string[] {
  if (process.platform !== 'linux') return [];
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return ids.flatMap((id) => {
    const environment = read(`/proc/${id}/environ`);
    if (!environment.split('\0').includes(mark)) return [];
    const command = read(`/proc/${id}/cmdline`).replaceAll('\0', ' ').trim();
    if (command === '' || /\bvitest\b/.test(command)) return [];
    return [`${id} ${command.slice(0, 200)}`];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended, or is not ours
  }
}
