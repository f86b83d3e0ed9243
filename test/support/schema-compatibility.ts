/**
 * What may become of the schema of a released payload version (docs/payloads.md, "What may change"), as a comparison of two
 * schemas. It is stricter than a registry's FULL_TRANSITIVE, which knows types and not promises: all that a reader may have
 * relied on stays as it is, and nothing is added but a member that old bodies and old readers can do without. Only the
 * keywords that the outbound schemas use are understood; any other one counts as a difference.
 */
import { isDeepStrictEqual } from 'node:util';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords that say nothing about which bodies are valid. */
const WORDS: ReadonlySet<string> = new Set(['title', 'description', '$comment', 'examples']);
/** Looked into, instead of compared as a whole. */
const ENTERED: ReadonlySet<string> = new Set(['properties', 'items', 'required']);

/**
 * Every difference between a schema and a released one of the same version that breaks a promise, as `<path>: <what>`; empty
 * when there is none. A path is `#` and the members on the way, `[]` for the items of an array.
 */
export function brokenPromises(released: JsonSchema, now: JsonSchema, path = '#'): string[] {
  const keywords = new Set([...Object.keys(released), ...Object.keys(now)]);
  const changed = [...keywords].filter(
    (name) => !WORDS.has(name) && !ENTERED.has(name) && !isDeepStrictEqual(released[name], now[name]),
  );
  return [
    ...changed.map((name) => `${path}: ${name} changed`),
    ...requiredChanges(released, now).map((what) => `${path}: ${what}`),
    ...memberChanges(released, now, path),
    ...itemChanges(released, now, path),
  ];
}

function requiredChanges(released: JsonSchema, now: JsonSchema): string[] {
  const before = namesIn(released['required']);
  const after = namesIn(now['required']);
  return [
    ...before.filter((name) => !after.includes(name)).map((name) => `${name} is no longer required`),
    ...after.filter((name) => !before.includes(name)).map((name) => `${name} is newly required`),
  ];
}

function memberChanges(released: JsonSchema, now: JsonSchema, path: string): string[] {
  const before = schemasIn(released['properties']);
  const after = schemasIn(now['properties']);
  const kept = Object.entries(before).flatMap(([name, schema]) => {
    const other = after[name];
    return other === undefined ? [`${path}/${name}: removed`] : brokenPromises(schema, other, `${path}/${name}`);
  });
  const added = Object.entries(after).filter(([name]) => before[name] === undefined);
  const names = Object.keys(before);
  const isKept = names.every((name) => after[name] !== undefined);
  const isMoved = isKept && !isDeepStrictEqual(Object.keys(after).slice(0, names.length), names);
  const typed = added.filter(([, schema]) => Object.keys(schema).some((keyword) => !WORDS.has(keyword)));
  return [
    ...(isMoved ? [`${path}: the order of members changed`] : []),
    ...kept,
    ...typed.map(([name]) => `${path}/${name}: added with a type; only an empty schema fits old bodies`),
  ];
}

function itemChanges(released: JsonSchema, now: JsonSchema, path: string): string[] {
  const [before, after] = [released['items'], now['items']];
  if (before === undefined && after === undefined) return [];
  if (before === undefined || after === undefined) return [`${path}: items changed`];
  return brokenPromises(before as JsonSchema, after as JsonSchema, `${path}[]`);
}

function namesIn(required: unknown): readonly string[] {
  return (required ?? []) as readonly string[];
}

function schemasIn(properties: unknown): Readonly<Record<string, JsonSchema>> {
  return (properties ?? {}) as Readonly<Record<string, JsonSchema>>;
}
