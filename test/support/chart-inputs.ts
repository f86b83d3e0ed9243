/**
 * What the golden renders of the chart were made of: a digest of each file that Helm reads for them. `npm run chart:test -- --update` keeps
 * it beside the renders, so that a test can tell without Helm that they are older than the chart.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['templates', 'files', 'examples'];

/** Path → SHA-256 of the file, in the order of the paths; `chart` is the chart's folder. */
export function chartInputs(chart: string): Record<string, string> {
  const inFolders = FOLDERS.flatMap((folder) => readdirSync(join(chart, folder)).map((file) => `${folder}/${file}`));
  return Object.fromEntries(
    ['Chart.yaml', 'values.yaml', ...inFolders].toSorted().map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(chart, path)))
        .digest('hex'),
    ]),
  );
}
