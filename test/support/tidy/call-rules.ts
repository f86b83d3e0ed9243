/** Calls and words that have no place in a folder, each with what to use instead. Comments and strings are not searched. */
import { type Finding, lineAt, type Rule } from './rule.ts';
import type { Tree } from './tree.ts';

interface Ban {
  readonly pattern: RegExp;
  /** Completes "line N: x: …". */
  readonly instead: string;
}

const TIMERS = /(?<!\.)\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g;
const NOW = /\bDate\.now\b|\bnew Date\(\s*\)/g;
const CHANCE = /\bMath\.random\b/g;

const CORE: readonly Ban[] = [
  { pattern: NOW, instead: 'take the time as an argument' },
  {
    pattern: /\bDateTime\.(?:now|local)\b/g,
    instead: 'take the instant as an argument (DateTime.fromMillis with a zone)',
  },
  { pattern: CHANCE, instead: 'take a Random (src/lib/random.ts) as an argument' },
  { pattern: /\brandomUUID\b/g, instead: 'take the id as an argument' },
  { pattern: TIMERS, instead: 'return the due time; the caller waits' },
  { pattern: /\b(?:async|await|Promise)\b/g, instead: 'the core is synchronous' },
  { pattern: /\bprocess\.\w+/g, instead: 'the core knows no process' },
];

/** For src without bin, core (stricter) and lib's sources of time and chance. */
const SHELL: readonly Ban[] = [
  { pattern: NOW, instead: 'take a Clock (src/lib/clock.ts) and call now()' },
  { pattern: /(?<!\.)\b(?:setTimeout|setInterval)\b/g, instead: 'take a Clock (src/lib/clock.ts): after() or pause()' },
  { pattern: CHANCE, instead: 'take a Random (src/lib/random.ts) as an argument' },
];

const EDGE: readonly Ban[] = [
  { pattern: /\bprocess\.env\b/g, instead: 'only src/bin reads the environment; take what you need as an argument' },
  { pattern: /\bprocess\.(?:on|once)\b/g, instead: 'only src/bin attaches to signals and process events' },
  { pattern: /\bprocess\.exit\b/g, instead: 'only src/bin ends the process' },
];

const TESTS: readonly Ban[] = [
  {
    pattern: /\b(?:it|test|describe)\.(?:only|skip|skipIf|runIf|todo|fails)\b/g,
    instead: 'every test runs and passes',
  },
  { pattern: /\bretry:\s*[1-9]/g, instead: 'a test passes the first time' },
  { pattern: /=>\s*setTimeout\(\s*\w+\s*,/g, instead: 'wait for a signal (vi.waitFor, an event), do not sleep' },
];

const EVERYWHERE: readonly Ban[] = [
  { pattern: /\bconsole\.\w+/g, instead: 'take a Log (src/lib/log.ts), or write to process.stdout in a command' },
  { pattern: /\bdebugger\b/g, instead: 'remove it' },
];

export const callRules: readonly Rule[] = [
  {
    name: 'core-is-pure',
    claim: 'the core reads no clock, waits for nothing, throws no dice',
    check: (tree) => bans(tree, CORE, (path) => path.startsWith('src/core/')),
  },
  {
    name: 'time-and-chance',
    claim: 'time and chance come in as arguments everywhere but in bin',
    check: (tree) => bans(tree, SHELL, (path) => /^src\/(?!bin\/|core\/|lib\/clock\.ts)/.test(path)),
  },
  {
    name: 'process',
    claim: 'only bin reads the environment, attaches to signals and ends the process',
    check: (tree) => bans(tree, EDGE, (path) => /^src\/(?!bin\/)/.test(path)),
  },
  {
    name: 'tests',
    claim: 'no test is skipped, focused, retried or sleeps',
    check: (tree) => bans(tree, TESTS, (path) => /^test\/.*\.test\.ts$/.test(path)),
  },
  {
    name: 'console',
    claim: 'nothing writes to the console',
    check: (tree) => bans(tree, EVERYWHERE, () => true),
  },
];

function bans(tree: Tree, list: readonly Ban[], where: (path: string) => boolean): Finding[] {
  const files = tree.code('src/', 'test/', 'bench/', 'scripts/').filter((file) => where(file.path));
  return files.flatMap(({ path, code }) =>
    list.flatMap(({ pattern, instead }) =>
      [...code.matchAll(pattern)].map((match) => ({
        path,
        message: `line ${lineAt(code, match.index)}: ${match[0]}: ${instead}`,
      })),
    ),
  );
}
