#!/usr/bin/env node
/**
 * The program. It holds the only contact with the process: arguments, environment, files, streams, signals, crashes, exit. What to do is
 * decided by dispatch.ts and the commands.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import manifest from '../../package.json' with { type: 'json' };
import { type Lifecycle, lineOf } from '../ops/lifecycle.ts';
import { COMMANDS } from './commands.ts';
import { dispatch } from './dispatch.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The lifecycle that gets signals and crashes; null while a command runs that ends by itself. */
let attached: Lifecycle | null = null;

function attach(lifecycle: Lifecycle): () => void {
  const onSignal = (name: string): void => lifecycle.handleSignal(name);
  attached = lifecycle;
  for (const name of SIGNALS) process.on(name, onSignal);
  return () => {
    attached = null;
    for (const name of SIGNALS) process.off(name, onSignal);
  };
}

function crashed(error: unknown): void {
  if (attached !== null) {
    attached.fail(error);
    return;
  }
  process.stderr.write(`lead-webhooks: ${lineOf(error)}\n`);
  process.exit(1);
}

process.on('uncaughtException', crashed);
process.on('unhandledRejection', crashed);
// A reader that left (`… | head`) is no failure.
process.stdout.on('error', () => process.exit(0));

const code = await dispatch(process.argv.slice(2), COMMANDS, {
  env: process.env,
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  readFile: (path) => readFileSync(path, 'utf8'),
  version: manifest.version,
  attach,
  exit: (exitCode) => process.exit(exitCode),
});
// Through the streams' own callback, so that what was printed is out before the process is gone.
process.stdout.write('', () => process.exit(code));
