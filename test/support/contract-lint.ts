/**
 * What others' tools say of the two contract files: the JSON Schemas that AsyncAPI (3.0.0, Kafka bindings included) and OpenAPI (3.1)
 * publish of themselves, and Redocly's linter with its strict rules. A rule that is off is off for the reason beside it. That the files tell the truth is not judged here.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asyncapi from '@asyncapi/specs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv, type ErrorObject } from 'ajv';
import { parse } from 'yaml';

type Contract = 'asyncapi.yaml' | 'openapi.yaml';

/** Where Redocly's rules do not fit. */
const RULES_OFF: Readonly<Record<Contract, readonly string[]>> = {
  'asyncapi.yaml': [
    'struct', // knows neither settings of topics beyond five, nor a null address, nor schemas in Avro; the official schema does
    'no-duplicated-tag-names', // takes the same tag on two channels for two tags
    'security-defined', // how to log in is a matter of each Kafka, and no server is named here
  ],
  'openapi.yaml': [
    'no-empty-servers', // the receivers are the servers of webhooks
    'info-license', // the project has none
  ],
};

// Formats are not judged: they are URLs of specifications that are not used here.
const isAsyncapi = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
  asyncapi.schemasWithoutId['3.0.0'] as object,
);

/** The text of a contract. */
export function contractText(name: Contract): string {
  return readFileSync(new URL(`../../schemas/${name}`, import.meta.url), 'utf8');
}

/** All that is wrong with a contract, as `place: what`; of another text than the file's, if one is given. */
export async function mistakesIn(name: Contract, source = contractText(name)): Promise<string[]> {
  const rules = Object.fromEntries(RULES_OFF[name].map((rule) => [rule, 'off' as const]));
  const config = await createConfig({ extends: ['recommended-strict'], rules });
  const absoluteRef = fileURLToPath(new URL(`../../schemas/${name}`, import.meta.url));
  const problems = await lintFromString({ source, absoluteRef, config });
  const linted = problems.map(({ location: [at], ruleId, message }) => `${at?.pointer}: ${ruleId}: ${message}`);
  return [...(await againstSchema(name, source)), ...linted];
}

async function againstSchema(name: Contract, source: string): Promise<string[]> {
  if (name === 'asyncapi.yaml') return isAsyncapi(parse(source)) ? [] : spelled(isAsyncapi.errors);
  const { errors } = await new Validator().validate(withFiles(parse(source)) as Record<string, unknown>);
  return spelled(errors);
}

/** The same with each schema file in the place of the reference to it: the validator of OpenAPI reads no files. */
function withFiles(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withFiles);
  const { $ref } = value as { $ref?: unknown };
  const file =
    typeof $ref === 'string' && $ref.startsWith('./') ? new URL(`../../schemas/${$ref}`, import.meta.url) : null;
  if (file !== null && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withFiles(inner)]));
}

function spelled(errors: readonly ErrorObject[] | string | null | undefined): string[] {
  if (typeof errors === 'string') return [`schema: ${errors}`];
  return (errors ?? []).map(({ instancePath, message }) => `#${instancePath}: schema: ${message}`);
}
