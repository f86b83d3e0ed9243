#!/usr/bin/env node
/**
 * The program. It holds the only contact with the process: arguments, environment, files, streams, signals, crashes, exit. What to do is
 * decided by dispatch.ts and the commands.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import manifest from '../../package.json' with { type: 'json' };
import { COMMANDS } from './commands.ts';
import { dispatch } from './dispatch.ts';
import { processEvents } from './process-events.ts';

const attach = processEvents(process);
// A reader that left (`… | head`) is no failure.
process.stdout.on('error', () => process.exit(0));

const code = await dispatch(process.argv.slice(2), COMMANDS, {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  isTerminal: process.stdout.isTTY === true,
  readFile: (path) => readFileSync(path, 'utf8'),
  readInput: () => text(process.stdin),
  version: manifest.version,
  attach,
  exit: (exitCode) => process.exit(exitCode),
});
// Through the stream's own callback, so that what was printed is out before the process is gone.
process.stdout.write('', () => process.exit(code));
