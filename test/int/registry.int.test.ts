import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, inject, it } from 'vitest';
import { Registry } from '../../src/kafka/registry.ts';
import { RegistryRefused } from '../../src/kafka/registry-http.ts';
import { systemClock } from '../../src/lib/clock.ts';

const V1 = JSON.parse(readFileSync(new URL('../../schemas/outbound/lead-webhook.v1.json', import.meta.url), 'utf8'));
const SOURCE = JSON.parse(readFileSync(new URL('../../schemas/sources/lead.avsc', import.meta.url), 'utf8'));

function registry(url = inject('registryUrl')): Registry {
  return new Registry({ clock: systemClock }, { url });
}

describe('a real schema registry', () => {
  it('takes an outbound schema, guards its subject, and gives the same id again', async () => {
    const subject = `registry-test-${randomUUID()}-v1`;
    expect(await registry().check(subject, V1)).toEqual({ state: 'missing' });
    const id = await registry().register(subject, V1, 'FULL_TRANSITIVE');
    expect(await registry().compatibility(subject)).toBe('FULL_TRANSITIVE');
    expect(await registry().register(subject, V1, 'FULL_TRANSITIVE')).toBe(id);
    expect(await registry().check(subject, V1)).toEqual({ state: 'same', id });
    expect(await registry().check(subject, { type: 'object', title: 'another' })).toEqual({ state: 'different' });
    await expect(registry().register(subject, { type: 'string' }, 'FULL_TRANSITIVE')).rejects.toThrow(RegistryRefused);
  });

  it('gives a source schema by its id with the attributes that say what a column is', async () => {
    const id = await registry().registerAs(`registry-test-${randomUUID()}-value`, 'AVRO', SOURCE);
    const found = await registry().schemaById(id);
    expect(found).toMatchObject({ type: 'AVRO', references: [] });
    expect(JSON.stringify(found)).toContain('io.debezium.time.MicroTimestamp');
  });

  it('says of an id that it has no such schema', async () => {
    expect(await registry().schemaById(2 ** 30)).toBe('unknown');
  });

  it('refuses what is no schema', async () => {
    const registering = registry().registerAs(`registry-test-${randomUUID()}`, 'AVRO', { type: 'nothing' });
    await expect(registering).rejects.toThrow(RegistryRefused);
  });
});
