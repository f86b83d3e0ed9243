import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  applyOnce,
  FixFailed,
  internal,
  internalFunction,
  prototypeOf,
  replaceExport,
} from '../../../src/kafka/fixes/internals.ts';
import '../../../src/kafka/fixes.ts';

function failureOf(work: () => unknown): FixFailed {
  try {
    work();
  } catch (error) {
    if (error instanceof FixFailed) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

/** Runs a module in a process of its own, because fixes are applied once per process. */
function run(program: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('../../../', import.meta.url),
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

describe('a client that is not as expected', () => {
  it('is refused with the name of the module that is missing or of another shape', () => {
    expect(failureOf(() => internal('protocol/gone'))).toMatchObject({ module: 'protocol/gone' });
    expect(failureOf(() => internalFunction('protocol/error'))).toMatchObject({ module: 'protocol/error' });
    const failure = failureOf(() => prototypeOf('network/requestQueue', ['scheduleCheckPendingRequests', 'gone']));
    expect(failure).toMatchObject({ module: 'network/requestQueue', code: 'kafka-client-mismatch' });
    expect(failure.message).toContain('gone');
    expect(failureOf(() => replaceExport('consumer/gone', () => {}))).toMatchObject({ module: 'consumer/gone' });
  });

  it('ends a process that loaded it before the fixes', () => {
    const { status, output } = run("await import('kafkajs'); await import('./src/kafka/fixes.ts');");
    expect(status).not.toBe(0);
    expect(output).toContain('was loaded before its fixes');
  });

  it('ends a process with another version of it', () => {
    const program = `
      import { createRequire } from 'node:module';
      createRequire(import.meta.resolve('./package.json'))('kafkajs/package.json').version = '2.3.0';
      await import('./src/kafka/fixes.ts');`;
    const { status, output } = run(program.replace("'./package.json'", "'./src/kafka/fixes.ts'"));
    expect(status).not.toBe(0);
    expect(output).toContain('version 2.3.0 is installed');
  });
});

describe('applying fixes', () => {
  it('happens once per process', () => {
    applyOnce(() => {
      throw new Error('applied again');
    });
    expect(run("await import('./src/kafka/fixes.ts'); await import('./src/kafka/fixes.ts?again');").status).toBe(0);
  });
});
