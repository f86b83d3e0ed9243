/**
 * Secrets by reference: `{ file: /run/secrets/x }` or `{ env: NAME }`. Where files and environment come from is the
 * caller's business; here they are only asked, a trailing newline is cut, and what is missing is named, never shown.
 */
import { Secret } from '../lib/secret.ts';
import type { Fields, Missing } from './yaml-fields.ts';

/** Where referenced texts are read; both return null for what is not there or cannot be read. */
export interface SecretSource {
  file(path: string): string | null;
  env(name: string): string | null;
}

const ALLOWED = 'must be { file: PATH } or { env: NAME }';

/** Reads the reference in field `name`; undefined when it is missing, or wrong (reported). Never an empty secret. */
export function secretField(fields: Fields, name: string, source: SecretSource): Secret | Missing {
  const reference = fields.fields(name);
  return reference && readReference(reference, source);
}

/** Reads an opened reference; undefined when it is wrong (reported). */
export function readReference(reference: Fields, source: SecretSource): Secret | Missing {
  const file = reference.text('file', 'must be the path of a file');
  const env = reference.text('env', 'must be the name of an environment variable');
  reference.finish();
  if (file !== undefined && env !== undefined) {
    reference.mistake('env', `${ALLOWED}, not both`);
    return undefined;
  }
  if (file !== undefined) return present(reference, 'file', source.file(file));
  if (env !== undefined) return present(reference, 'env', source.env(env));
  if (!reference.has('file') && !reference.has('env')) reference.mistake('file', `${ALLOWED}; neither is given`);
  return undefined;
}

function present(reference: Fields, name: 'file' | 'env', text: string | null): Secret | Missing {
  const what = name === 'file' ? 'the file' : 'the environment variable';
  const value = text?.replace(/\r?\n$/, '');
  if (value === undefined) reference.mistake(name, `${what} is not there or cannot be read`);
  else if (value === '') reference.mistake(name, `${what} is empty`);
  else return new Secret(value);
  return undefined;
}
