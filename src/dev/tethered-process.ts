/**
 * A child process that cannot outlive us. A small shell stands between: it holds one end of a pipe whose other end is
 * ours alone, and kills the child and deletes its folder when the pipe ends, which the kernel sees to however we end:
 * a return, a crash, SIGKILL. Needs a POSIX shell (Linux, macOS).
 *
 * The child leads a process group of its own, so that Ctrl-C in a terminal reaches us and not the broker, and we can
 * still drain. It is killed, never asked: what it wrote is thrown away.
 */
import { spawn } from 'node:child_process';

/** How much is kept of the beginning and of the end of the child's output, to be shown when it fails to start. */
const OUTPUT_CHARS_MAX = 2_000;

const SCRIPT = `
folder=$1; shift
"$@" </dev/null 3<&- &
child=$!
exec 2>/dev/null # nobody may read it any more, and a shell that reports "Killed" there would die of it
{ read -r _ <&3; kill -KILL "$child"; } &
tether=$!
wait "$child"; code=$?
kill "$tether"
rm -rf -- "$folder"
exit "$code"
`;

export interface TetheredProcess {
  /** Also the id of the process group that the child lives in. */
  readonly pid: number;
  /** Resolves when the child and its shell are gone, with the first and last lines that the child wrote. */
  readonly ended: Promise<string>;
  /** Kills the child and waits until it is gone. May be called twice, and after the child has ended by itself. */
  stop(): Promise<void>;
}

export interface TetheredOptions {
  readonly command: readonly [string, ...string[]];
  /** The child's working directory. Deleted when the child ends. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts `command`. Never throws: a command that cannot be started shows as `ended`. */
export function startTethered(options: TetheredOptions): TetheredProcess {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', options.folder, ...options.command], {
    cwd: options.folder,
    detached: true,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let first = '';
  let last = '';
  const keep = (chunk: Buffer): void => {
    const text = chunk.toString();
    const room = OUTPUT_CHARS_MAX - first.length;
    first += text.slice(0, room);
    last = (last + text.slice(room)).slice(-OUTPUT_CHARS_MAX);
  };
  shell.stdout?.on('data', keep);
  shell.stderr?.on('data', keep);
  const tether = shell.stdio[3];
  tether?.on('error', () => {}); // the shell went first: `ended` says so
  const ended = new Promise<string>((resolve) => {
    shell.on('error', (error) => resolve(error.message));
    shell.on('close', () => {
      tether?.destroy();
      resolve(`${first}${last}`.trim());
    });
  });
  return {
    pid: shell.pid ?? -1,
    ended,
    async stop() {
      tether?.destroy();
      await ended;
    },
  };
}

/** True while any process of the group `pid` is there. */
export function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
