/**
 * The golden payloads: one file per scenario and version, compared byte for byte, and valid by the version's schema. They
 * are written only by `GOLDEN_UPDATE=1 npx vitest run test/core/payload/golden`; after a release that is a broken promise.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSIONS } from '../../../src/core/payload/versions.ts';
import { outboundValidator } from '../../support/outbound-schemas.ts';
import { SCENARIOS } from '../../support/payload-scenarios.ts';

const FOLDER = new URL('../../golden/', import.meta.url);
const SAMPLE = readFileSync(new URL('seed-sample.json', FOLDER), 'utf8');
const UPDATE = process.env['GOLDEN_UPDATE'] === '1';
const NAMES = Object.keys(SCENARIOS).flatMap((name) => VERSIONS.map(({ version }) => `${name}.${version}.json`));

function golden(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

describe.each(VERSIONS)('the golden payloads of $version', ({ version, render }) => {
  const validate = outboundValidator(version);

  it.each(Object.entries(SCENARIOS))('%s is rendered byte for byte, and its schema accepts it', (name, view) => {
    const { body } = render(view);
    if (UPDATE) writeFileSync(new URL(`${name}.${version}.json`, FOLDER), body);

    expect(body).toBe(golden(`${name}.${version}.json`));
    expect(validate(JSON.parse(body)), JSON.stringify(validate.errors)).toBe(true);
  });
});

describe('the golden files', () => {
  it('are exactly the scenarios in every version, and the sample', () => {
    expect(
      readdirSync(FOLDER)
        .filter((name) => name.endsWith('.json'))
        .sort(),
    ).toEqual([...NAMES, 'seed-sample.json'].sort());
  });

  it('hold the documented sample as v3, in its key order and with its numbers', () => {
    expect(golden('seed.v3.json')).toBe(JSON.stringify(JSON.parse(SAMPLE)));
  });

  it('hold the documented sample without the two v3 keys as v1 and v2 (A1)', () => {
    const { has_test_drives, appointments, ...base } = JSON.parse(SAMPLE) as Record<string, unknown>;

    expect([has_test_drives, Array.isArray(appointments)]).toEqual([true, true]);
    expect(golden('seed.v1.json')).toBe(JSON.stringify(base));
    expect(golden('seed.v2.json')).toBe(JSON.stringify(base));
  });
});
