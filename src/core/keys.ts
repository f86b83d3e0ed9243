/**
 * Keys of the internal topics. A row's key is `<cluster key>|<table>|<id>`; its partition depends on the cluster key alone,
 * so that all rows of a lead cluster meet in one join task. Ids are decimal text, so `|` never occurs in a part.
 */
import type { Table } from './source-event.ts';

/** The lead cluster that a row belongs to, as text: `cluster:289`; a row without a cluster has one of its own: `lead:138559`. */
export type ClusterKey = string;

/** The cluster key of a row. `leadClusterId` is decimal text or null (A5). */
export function clusterKey(table: Table, id: string, leadClusterId: string | null): ClusterKey {
  return leadClusterId === null ? `${table}:${id}` : `cluster:${leadClusterId}`;
}

/** `<cluster key>|<table>|<id>`: the key of a row in `cluster-changes`. */
export function rowKey(cluster: ClusterKey, table: Table, id: string): string {
  return `${cluster}|${table}|${id}`;
}

/** Splits a key of `cluster-changes`; null if it is none. */
export function parseRowKey(key: string): { cluster: ClusterKey; table: Table; id: string } | null {
  const first = key.indexOf('|');
  const second = key.indexOf('|', first + 1);
  if (first < 1 || second < 0) return null;
  const table = key.slice(first + 1, second);
  const id = key.slice(second + 1);
  if ((table !== 'lead' && table !== 'appointment' && table !== 'test_drive') || id === '') return null;
  return { cluster: key.slice(0, first), table, id };
}

/** `<table>|<id>`: the key of a row in rekey's state. */
export function stateKey(table: Table, id: string): string {
  return `${table}|${id}`;
}

/** `<cluster key>|<lead id>`: the key of a lead's emission record in the join's state. */
export function emissionKey(cluster: ClusterKey, leadId: string): string {
  return `${cluster}|${leadId}`;
}

/** Splits the key of an emission record; null if it is none (the position record is called `position`). */
export function parseEmissionKey(key: string): { cluster: ClusterKey; leadId: string } | null {
  const bar = key.indexOf('|');
  return bar < 1 ? null : { cluster: key.slice(0, bar), leadId: key.slice(bar + 1) };
}

/** The key under which every changelog keeps its task's position. */
export const POSITION_KEY = 'position';
