/**
 * Secrets by reference, `{ file: /run/secrets/x }` or `{ env: NAME }`, or sealed, `{ sealed: "…" }`. Where files, environment and
 * the key of the seal come from is the caller's business; here they are only asked, a trailing newline is cut, and what is
 * missing is named, never shown.
 */
import { Secret } from '../lib/secret.ts';
import type { Fields, Missing } from './yaml-fields.ts';

/** A text; null for what is not there or cannot be read; or why it may not be had. */
export type Looked = string | null | { readonly problem: string };

/** Where referenced texts are read. */
export interface SecretSource {
  file(path: string): Looked;
  env(name: string): Looked;
  /** Opens a text that was sealed for this endpoint; absent = there is no key to open any. */
  sealed?(text: string, endpointId: string): Looked;
}

/** The secrets as one endpoint may look them up. */
export interface EndpointSecrets {
  file(path: string): Looked;
  env(name: string): Looked;
  sealed(text: string): Looked;
}

/** What a secret must look like, for messages. */
export const SECRET_FORM = '{ file: PATH }, { env: NAME } or { sealed: TEXT }';

const WHAT = { file: 'the file', env: 'the environment variable', sealed: 'the sealed text' } as const;
const EXPECTED = {
  file: 'must be the path of a file',
  env: 'must be the name of an environment variable',
  sealed: 'must be what endpoints seal has printed',
} as const;

/** `source` for the endpoint of this id; undefined = its id is wrong, and nothing can be opened for it. */
export function secretsOf(source: SecretSource, endpointId: string | undefined): EndpointSecrets {
  return {
    file: (path) => source.file(path),
    env: (name) => source.env(name),
    sealed(text) {
      if (!source.sealed) return { problem: 'cannot be opened without LEAD_WEBHOOKS_SEAL_KEY' };
      return endpointId === undefined ? null : source.sealed(text, endpointId);
    },
  };
}

/** Reads the reference in field `name`; undefined when it is missing, or wrong (reported). Never an empty secret. */
export function secretField(fields: Fields, name: string, source: EndpointSecrets): Secret | Missing {
  const reference = fields.fields(name);
  return reference && readReference(reference, source);
}

/** Reads an opened reference; undefined when it is wrong (reported). */
export function readReference(reference: Fields, source: EndpointSecrets): Secret | Missing {
  const kinds = ['file', 'env', 'sealed'] as const;
  const texts = kinds.map((kind) => reference.text(kind, EXPECTED[kind]));
  reference.finish();
  const given = kinds.filter((kind) => reference.has(kind));
  const [kind] = given;
  if (kind === undefined) {
    reference.mistake('file', `must be ${SECRET_FORM}; none is given`);
    return undefined;
  }
  if (given.length > 1) {
    reference.mistake(given[1] ?? kind, `must be ${SECRET_FORM}, not several of them`);
    return undefined;
  }
  const text = texts[kinds.indexOf(kind)];
  return text === undefined ? undefined : present(reference, kind, source[kind](text));
}

function present(reference: Fields, kind: keyof typeof WHAT, looked: Looked): Secret | Missing {
  const value = typeof looked === 'string' ? looked.replace(/\r?\n$/, '') : looked;
  if (value === null) reference.mistake(kind, `${WHAT[kind]} is not there or cannot be read`);
  else if (typeof value !== 'string') reference.mistake(kind, `${WHAT[kind]} ${value.problem}`);
  else if (value === '') reference.mistake(kind, `${WHAT[kind]} is empty`);
  else return new Secret(value);
  return undefined;
}
