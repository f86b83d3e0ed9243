/** Loads modules of the Kafka client as they are published, beside the fixed ones of the process, to show what a fix is for. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const SOURCE = join(dirname(require.resolve('kafkajs/package.json')), 'src');

/** A module of the client's `src` folder with fresh copies of everything that it requires; the fixed ones stay in use. */
export function unfixed<T>(path: string): T {
  const kept = clear();
  try {
    return require(join(SOURCE, path)) as T;
  } finally {
    clear();
    for (const [file, entry] of kept) require.cache[file] = entry;
  }
}

/** Takes the client's modules out of the module cache and returns them. */
function clear(): [string, NodeJS.Module][] {
  const found: [string, NodeJS.Module][] = [];
  for (const [file, entry] of Object.entries(require.cache)) {
    if (!file.startsWith(SOURCE) || entry === undefined) continue;
    found.push([file, entry]);
    delete require.cache[file];
  }
  return found;
}
