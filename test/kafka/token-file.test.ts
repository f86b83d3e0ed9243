/** Tokens out of a real file. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileTokens } from '../../src/kafka/token-file.ts';
import { scratchFolder } from '../support/scratch.ts';

test('a file that is missing or empty is named, and tried again later', async () => {
  await using scratch = await scratchFolder();
  const path = join(scratch.folder, 'token');
  const token = fileTokens(path);
  await expect(token()).rejects.toMatchObject({
    code: 'unavailable',
    message: `the token file ${path} cannot be read (ENOENT)`,
  });
  await writeFile(path, ' \n');
  await expect(token()).rejects.toMatchObject({ code: 'unavailable', message: `the token file ${path} is empty` });
  await writeFile(path, ' abc.def\n');
  expect(await token()).toBe('abc.def');
});
