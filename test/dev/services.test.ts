import { expect, it } from 'vitest';
import { missingJava, startServices } from '../../src/dev/services.ts';
import { silentLog } from '../../src/lib/log.ts';

it('what the environment names is used as it stands, and never stopped', async () => {
  const env = { KAFKA_BROKERS: ' a:9092, b:9092 ', SCHEMA_REGISTRY_URL: 'http://r:8081' };
  const services = await startServices({ log: silentLog, registry: true, env });
  expect(services).toMatchObject({
    brokers: ['a:9092', 'b:9092'],
    registryUrl: 'http://r:8081',
    origin: 'environment',
    pids: [],
  });
  await services.stop();
});

it('brokers without a registry are refused by name, unless no registry is wanted', async () => {
  const env = { KAFKA_BROKERS: 'a:9092' };
  await expect(startServices({ log: silentLog, registry: true, env })).rejects.toThrow('SCHEMA_REGISTRY_URL');
  expect((await startServices({ log: silentLog, registry: false, env })).registryUrl).toBeNull();
});

it('a machine with no Java is told all three ways out, one with an old Java which one it needs for what', () => {
  expect(missingJava('Apache Kafka', 17, [])).toMatch(/Docker.*Java 21 and Maven.*KAFKA_BROKERS/);
  expect(missingJava('Apicurio Registry', 21, [8, 17])).toMatch(/Apicurio Registry needs Java 21.*8, 17/);
});
