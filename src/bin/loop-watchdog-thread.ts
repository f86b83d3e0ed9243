/** The other thread of loop-watchdog.ts: it writes one log line and kills the process when the main thread's heart stands still. */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { workerData } from 'node:worker_threads';

const { beats, ticksMax, tickMs } = workerData as { beats: Int32Array; ticksMax: number; tickMs: number };
const STDERR = 2;

let seen = -1;
let ticks = 0;
setInterval(() => {
  const beat = Atomics.load(beats, 0);
  ticks = beat === seen ? ticks + 1 : 0;
  seen = beat;
  if (ticks <= ticksMax) return;
  const seconds = Math.round((ticksMax * tickMs) / 1000);
  const msg = `the event loop has stood still for ${seconds} s: the process ends, to be started again`;
  const time = new Date().toISOString();
  writeSync(STDERR, `${JSON.stringify({ level: 'error', time, event: 'event_loop_blocked', msg })}\n`);
  process.kill(process.pid, 'SIGKILL');
}, tickMs);
