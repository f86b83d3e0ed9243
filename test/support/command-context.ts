/** A command's context made for a test: what it prints is kept, files are a record, the process is not touched. */
import type { Command, Context } from '../../src/bin/command.ts';

export interface Ran {
  readonly code: number;
  /** What was printed on stdout, lines joined. */
  readonly out: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** What comes on stdin. */
  readonly input?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Runs a command in this process; rejects with what the command throws. */
export async function runCommand(command: Command, args: readonly string[], around: Surroundings = {}): Promise<Ran> {
  const lines: string[] = [];
  const context: Context = {
    args,
    env: around.env ?? {},
    out: (text) => lines.push(text),
    err: () => {},
    isTerminal: false,
    readFile(path) {
      const text = around.files?.[path];
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
    readInput: async () => around.input ?? '',
    version: '0.0.0',
    attach: () => () => {},
    exit: () => {},
  };
  const code = await command.run(context);
  return { code, out: lines.join('\n') };
}
