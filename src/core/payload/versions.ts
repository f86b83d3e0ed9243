/**
 * The payload versions that exist. Everything that handles a version by its name asks this table, so that a new version is
 * one new renderer, one new schema and one new row here. A row is never removed while an endpoint may ask for it.
 */
import type { Render } from './lead-view.ts';
import { renderV1 } from './v1.ts';
import { renderV2 } from './v2.ts';
import { renderV3 } from './v3.ts';

/** The names of the payload versions, as the `version` header of the outbound topic spells them. */
export type PayloadVersion = 'v1' | 'v2' | 'v3';

export interface VersionEntry {
  readonly version: PayloadVersion;
  readonly render: Render;
  /** Whether appointments and test drives of the cluster show in the body, and so may open the version's gate. */
  readonly usesCluster: boolean;
}

/** All versions, oldest first. */
export const VERSIONS: readonly VersionEntry[] = [
  { version: 'v1', render: renderV1, usesCluster: false },
  { version: 'v2', render: renderV2, usesCluster: false },
  { version: 'v3', render: renderV3, usesCluster: true },
];
