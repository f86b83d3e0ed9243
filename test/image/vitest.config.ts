/**
 * The suite of the image (`npm run image:test`): a configuration of its own, so that `npm test` needs no container engine. It gets the
 * same Kafka and registry as the integration tests, and the name of an image that was built before (scripts/image-test.mjs).
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'image',
    reporters: ['./test/support/reporter.ts'],
    include: ['test/image/*.image.test.ts'],
    globalSetup: ['test/support/leak-check.ts', 'test/support/global-setup.ts', 'test/image/global-setup.ts'],
    teardownTimeout: 60_000,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    fileParallelism: false, // builds and pods would only slow each other down
  },
});
