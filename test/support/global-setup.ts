/**
 * Starts one Kafka and one registry for a whole run of the `int` project and tells the tests where they are:
 * `inject('kafkaBrokers')`, `inject('registryUrl')`. Tests share them, so each makes topics and subjects of its own names.
 * The teardown fails when a process of ours is still there.
 */
import type { TestProject } from 'vitest/node';
import { startServices } from '../../src/dev/services.ts';
import { groupLives } from '../../src/dev/tethered-process.ts';
import type { Log } from '../../src/lib/log.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of each broker. */
    kafkaBrokers: string[];
    /** Of the Confluent-compatible API. */
    registryUrl: string;
  }
}

/** Only what a person who waits wants to know: a download, a fallback. */
const log: Log = {
  debug() {},
  info(_fields, message) {
    if (message.startsWith('fetching')) process.stderr.write(`${message}\n`);
  },
  warn(fields, message) {
    process.stderr.write(`${message}: ${JSON.stringify(fields)}\n`);
  },
  error(fields, message) {
    process.stderr.write(`${message}: ${JSON.stringify(fields)}\n`);
  },
};

/** Called by vitest before the first integration test; what it returns, after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const services = await startServices({ log, registry: true, env: process.env });
  project.provide('kafkaBrokers', [...services.brokers]);
  project.provide('registryUrl', services.registryUrl ?? '');
  return async () => {
    await services.stop();
    const left = services.pids.filter(groupLives);
    if (left.length > 0) throw new Error(`still running after their stop: process groups ${left.join(', ')}`);
  };
}
