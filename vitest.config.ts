/**
 * Two projects: `unit` needs nothing but this checkout; `int` (`*.int.test.ts`) gets a real Kafka and registry, started once. Unit
 * tests run first: they fail sooner. The reporter is the project's own and prints the counts as the last line.
 */
import { defineConfig } from 'vitest/config';

const LEAK_CHECK = 'test/support/leak-check.ts';
const SERVICES = 'test/support/global-setup.ts';

export default defineConfig({
  test: {
    reporters: ['./test/support/reporter.ts'],
    teardownTimeout: 30_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts', 'test/**/*.image.test.ts'],
          globalSetup: [LEAK_CHECK],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts'],
          globalSetup: [LEAK_CHECK, SERVICES],
          testTimeout: 90_000,
          hookTimeout: 90_000,
          sequence: { groupOrder: 1 },
          maxWorkers: 2, // each file keeps the one broker busy as well
        },
      },
    ],
  },
});
