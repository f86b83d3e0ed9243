/** A temporary folder of one test, deleted when the test leaves its block: `await using scratch = await scratchFolder()`. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Scratch extends AsyncDisposable {
  readonly folder: string;
  /** Writes a shell script at `path` under the folder and returns its full path. */
  script(path: string, body: string): Promise<string>;
}

/** Makes an empty folder. */
export async function scratchFolder(): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), 'lead-webhooks-test-'));
  return {
    folder,
    async script(path, body) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, `#!/bin/sh\n${body}\n`);
      await chmod(file, 0o755);
      return file;
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
