/**
 * The two contract files as plain values, and what tests ask of both: references that lead somewhere. Whether they are
 * valid is asked in test/support/contract-lint.ts. A reference is followed within the file, or into a file beside it.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

const SCHEMAS = new URL('../../schemas/', import.meta.url);

export type Part = Readonly<Record<string, unknown>>;

/** A contract of `schemas/`. Fails at once on YAML that is not sound, double keys included. */
export function contract(name: 'asyncapi.yaml' | 'openapi.yaml'): Part {
  const document = parseDocument(readFileSync(new URL(name, SCHEMAS), 'utf8'), { uniqueKeys: true });
  if (document.errors.length + document.warnings.length > 0) {
    throw new Error(`${name}: ${[...document.errors, ...document.warnings].map(({ message }) => message).join('; ')}`);
  }
  return document.toJS() as Part;
}

/** The member of that name as an object; an empty one when it is missing or no object. */
export function part(of: unknown, ...path: readonly string[]): Part {
  let at = of;
  for (const name of path) at = isObject(at) ? at[name] : undefined;
  return isObject(at) ? (at as Part) : {};
}

/** What `value` refers to, followed to its end; `value` itself when it is no reference. Throws when it leads nowhere. */
export function resolved(root: Part, value: unknown): Part {
  const target = part(value)['$ref'];
  if (typeof target !== 'string') return part(value);
  if (!target.startsWith('#/')) return JSON.parse(readFileSync(new URL(target, SCHEMAS), 'utf8')) as Part;
  const path = target.slice(2).split('/');
  const found = part(root, ...path);
  if (Object.keys(found).length === 0) throw new Error(`${target} leads nowhere`);
  return resolved(root, found);
}

/** Every target of a `$ref` in a file, each once. */
export function referencesOf(value: unknown): string[] {
  const found = new Set<string>();
  const look = (at: unknown): void => {
    if (typeof at !== 'object' || at === null) return;
    for (const [name, inner] of Object.entries(at)) {
      if (name === '$ref' && typeof inner === 'string') found.add(inner);
      else look(inner);
    }
  };
  look(value);
  return [...found];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
