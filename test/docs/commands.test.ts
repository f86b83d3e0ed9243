/**
 * The commands in the documents against the program: each line of a `sh` block is of a kind that is known here, and that kind is
 * checked. A command of lead-webhooks goes through its real argument parser with an empty environment: it then ends with what is
 * wrong about the environment, and nothing is connected to. `demo` needs no environment, so it is checked against its help only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { UsageError } from '../../src/bin/command.ts';
import { COMMANDS } from '../../src/bin/commands.ts';
import { knownNames } from '../../src/ops/config-table.ts';
import { runCommand } from '../support/command-context.ts';
import { blocksOf, DOCUMENTS, projectFile } from '../support/documents.ts';

const FOLDERS = ['../../src/dev/', '../', '../../scripts/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
const ENTRY = 'src/bin/lead-webhooks.ts';
/** Commands that start something by themselves when their arguments are right. */
const STARTS_WITHOUT_ENVIRONMENT = new Set(['demo']);

interface Line {
  readonly at: string;
  /** Names before the command, or behind `export`. */
  readonly variables: readonly string[];
  /** Words of the command; empty for a line that only sets variables. */
  readonly words: readonly string[];
}

const LINES: readonly Line[] = DOCUMENTS.flatMap(blocksOf)
  .filter(({ language }) => language === 'sh')
  .flatMap(({ path, line, text }) =>
    text.split('\n').flatMap((row, index) => {
      const command = row.replace(/(^|\s)#.*$/, '').trim();
      return command === '' ? [] : [lineOf(command, `${path}:${line + index}`)];
    }),
  );

function lineOf(command: string, at: string): Line {
  const words = command.split(/\s+/);
  if (words[0] === 'export') words.shift();
  const isAssignment = (word: string): boolean => /^[A-Z][A-Z0-9_]*=/.test(word);
  const count = words.findIndex((word) => !isAssignment(word));
  const assignments = count < 0 ? words : words.slice(0, count);
  return {
    at,
    variables: assignments.map((word) => word.slice(0, word.indexOf('='))),
    words: count < 0 ? [] : words.slice(count),
  };
}

/** What is wrong with a line; null = nothing. */
async function mistakeIn({ words }: Line): Promise<string | null> {
  const [first, second = ''] = words;
  const rest = words.slice(1);
  switch (first) {
    case undefined:
      return null;
    case 'alias':
      return words.join(' ').includes(ENTRY) && projectFile(ENTRY) !== null ? null : 'names no program of ours';
    case 'lead-webhooks':
      return mistakeInCall(rest);
    case 'npm':
      if (second === 'ci') return null;
      return mistakeInScript(second === 'run' ? (words[2] ?? '') : second, words);
    case 'npx':
      if (second !== 'vitest') return 'is not checked by anything';
      return words.filter((word) => word.startsWith('test/')).every((path) => projectFile(path) !== null)
        ? null
        : 'names a test that does not exist';
    default:
      return 'is not checked by anything';
  }
}

async function mistakeInScript(script: string, words: readonly string[]): Promise<string | null> {
  const scripts: Readonly<Record<string, string>> = manifest.scripts;
  const runs = Object.hasOwn(scripts, script) ? scripts[script] : undefined;
  if (runs === undefined) return `package.json has no script ${script}`;
  const dashes = words.indexOf('--');
  if (!runs.includes(ENTRY)) return null;
  const given = dashes < 0 ? [] : words.slice(dashes + 1);
  return mistakeInCall([
    ...runs
      .slice(runs.indexOf(ENTRY) + ENTRY.length)
      .trim()
      .split(' '),
    ...given,
  ]);
}

async function mistakeInCall([name = '', ...args]: readonly string[]): Promise<string | null> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) return `there is no command ${name}`;
  const { command } = await load();
  const unexplained = args.filter((arg) => arg.startsWith('--') && !command.usage.includes(arg.split('=')[0] ?? ''));
  if (unexplained.length > 0) return `${name} --help does not explain ${unexplained.join(', ')}`;
  if (STARTS_WITHOUT_ENVIRONMENT.has(name)) return null;
  try {
    const files = Object.fromEntries(args.map((arg) => [arg, 'endpoints: []\n']));
    await runCommand(command, args, { files });
  } catch (error) {
    if (error instanceof UsageError) return error.message;
  }
  return null;
}

test('every command in a sh block exists, with the options given to it', async () => {
  expect(LINES.length).toBeGreaterThan(10);
  const mistakes: string[] = [];
  for (const line of LINES) {
    const mistake = await mistakeIn(line);
    if (mistake !== null) mistakes.push(`${line.at}: ${line.words.join(' ')}: ${mistake}`);
  }
  expect(mistakes).toEqual([]);
});

test('a command, an option, a script or a program that is not there would be noticed', async () => {
  const commands = [
    'lead-webhooks rum',
    'lead-webhooks topics applly',
    'lead-webhooks run --stage join',
    'lead-webhooks run --stages rekey,joined',
    'lead-webhooks config check now',
    'npm run demmo',
    'npx vitest run test/no-such.test.ts',
    'kubectl apply',
  ];
  for (const command of commands) expect(await mistakeIn(lineOf(command, 'here')), command).not.toBeNull();
});

/** Names that demo, tests and scripts read from the environment. */
function developersNames(): string[] {
  const texts = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs)$/.test(name))
      .map((name) => readFileSync(folder + name, 'utf8')),
  );
  return texts.flatMap((text) => [...text.matchAll(/\benv\['([A-Z][A-Z0-9_]*)'\]/g)].map(([, name = '']) => name));
}

test('every environment name in the documents is one that the program, the demo or the tests read', () => {
  const known = new Set([...knownNames(), ...developersNames()]);
  const named = DOCUMENTS.flatMap(({ path, text }) =>
    [...text.matchAll(/\b(?:LEAD_WEBHOOKS|KAFKA|SCHEMA_REGISTRY)_[A-Z0-9_]*[A-Z0-9]\b/g)].map(([name]) => ({
      path,
      name,
    })),
  );
  const set = LINES.flatMap(({ at, variables }) => variables.map((name) => ({ path: at, name })));
  expect(named.length).toBeGreaterThan(50);
  expect([...named, ...set].filter(({ name }) => !known.has(name))).toEqual([]);
});
