/**
 * Tells the tests of the image which image it is (IMAGE) and with which options and from which folder another like it is built (IMAGE_BUILD, in JSON),
 * and fails a run that leaves a container of its own behind.
 */
import { randomUUID } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { docker, LABEL, mustDocker } from './engine.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The image under test. */
    image: string;
    /** The bases as options of `docker build`, and the folder with the sources. */
    imageBuild: string[];
    /** Value of the label that every container of this run has. */
    imageRun: string;
  }
}

/** Called by vitest before the first test; what it returns, after the last. */
export default function setup(project: TestProject): () => Promise<void> {
  const image = process.env['IMAGE'];
  if (!image) throw new Error('IMAGE names no image: start this suite by `npm run image:test`');
  const run = randomUUID();
  project.provide('image', image);
  project.provide('imageBuild', JSON.parse(process.env['IMAGE_BUILD'] ?? '[]') as string[]);
  project.provide('imageRun', run);
  return async () => {
    const left = await mustDocker('ps', '--all', '--quiet', '--filter', `label=${LABEL}=${run}`);
    if (left === '') return;
    await docker('rm', '--force', ...left.split('\n'));
    throw new Error(`the tests left ${left.split('\n').length} containers behind`);
  };
}
