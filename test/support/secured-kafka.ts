/**
 * A Kafka node on which nothing is allowed that no rule allows, with three ways in: SCRAM-SHA-512 over TLS, mutual TLS, and a plain one
 * for the test itself, which may do everything. Certificates are of an authority made for it. It needs Java also where the other tests
 * run in containers, because users and listeners are given at its first start.
 */
import { freePorts } from '../../src/dev/free-ports.ts';
import { findJava } from '../../src/dev/java.ts';
import { launchNode } from '../../src/dev/kafka-node.ts';
import { answersApiVersions } from '../../src/dev/local-kafka.ts';
import { fetchArtifact, versionOf } from '../../src/dev/maven.ts';
import { untilReady } from '../../src/dev/readiness.ts';
import { ServicesUnavailable } from '../../src/dev/services-unavailable.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { authority } from './self-signed.ts';

/** Settings of the program for one way in. */
export type Access = Readonly<Record<string, string>>;

export interface SecuredKafka extends AsyncDisposable {
  /** Where the test itself may do everything. */
  readonly broker: string;
  /** `host:port` of SCRAM over TLS, and of mutual TLS. */
  readonly scram: string;
  readonly mtls: string;
  /** The authority of the brokers. */
  readonly ca: string;
  /** For the principal `User:<name>`; the name must be one of the logins. */
  byPassword(name: string): Access;
  /** For the principal `User:CN=<name>`, any name. */
  byCertificate(name: string): Access;
  /** The same for the client alone. */
  certificate(name: string): { readonly ca: string; readonly cert: string; readonly key: string };
}

const START_TIMEOUT_MS = 60_000;
const password = (name: string): string => `secret-of-${name}`;

/** Starts the node and returns when it answers. Rejects, leaving nothing behind, when it does not come up. */
export async function startSecuredKafka(logins: readonly string[]): Promise<SecuredKafka> {
  const signal = new AbortController().signal;
  const deps = { log: silentLog, env: process.env, signal };
  const java = await findJava(17, process.env);
  if (java === null) throw new ServicesUnavailable('the tests of rights need Java 17 or newer, also beside containers');
  const jars = await fetchArtifact('kafka', deps);
  const [port = 0, controllerPort = 0, scramPort = 0, mtlsPort = 0] = await freePorts(4);
  const ca = authority();
  const broker = ca.issue('broker');
  const listeners = `PLAINTEXT://127.0.0.1:${port},SCRAM://127.0.0.1:${scramPort},MTLS://127.0.0.1:${mtlsPort}`;
  const node = await launchNode(
    { java, jars, env: process.env },
    {
      ...{ id: 1, port, controllerPort, voters: [`1@127.0.0.1:${controllerPort}`], logFolder: null },
      logins: Object.fromEntries(logins.map((name) => [name, password(name)])),
      settings: {
        'allow.everyone.if.no.acl.found': 'false',
        'super.users': 'User:ANONYMOUS',
        listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': listeners,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SCRAM:SASL_SSL,MTLS:SSL',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.scram.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.scram.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.mtls.ssl.client.auth': 'required',
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.key': oneLine(broker.key),
        'ssl.keystore.certificate.chain': oneLine(broker.cert),
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.certificates': oneLine(ca.cert),
      },
    },
  );
  try {
    const what = `Apache Kafka ${await versionOf('kafka', process.env)} with an authorizer`;
    const ask = (): Promise<boolean> => answersApiVersions(port);
    await untilReady(node, { what, ask, timeoutMs: START_TIMEOUT_MS, clock, signal });
  } catch (error) {
    await node.stop();
    throw error;
  }
  const certificate = (name: string) => ({ ca: ca.cert, ...ca.issue(name) });
  const [scram, mtls] = [`127.0.0.1:${scramPort}`, `127.0.0.1:${mtlsPort}`];
  return {
    ...{ broker: `127.0.0.1:${port}`, scram, mtls, ca: ca.cert, certificate },
    byPassword: (name) => ({
      ...{ KAFKA_BROKERS: scram, KAFKA_SSL: 'true', KAFKA_SSL_CA: ca.cert },
      ...{ KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: name, KAFKA_SASL_PASSWORD: password(name) },
    }),
    byCertificate(name) {
      const { cert, key } = ca.issue(name);
      return {
        KAFKA_BROKERS: mtls,
        KAFKA_SSL: 'true',
        KAFKA_SSL_CA: ca.cert,
        KAFKA_SSL_CERT: cert,
        KAFKA_SSL_KEY: key,
      };
    },
    [Symbol.asyncDispose]: () => node.stop(),
  };
}

/** A value of a properties file. */
function oneLine(pem: string): string {
  return pem.replaceAll('\n', '\\n');
}
