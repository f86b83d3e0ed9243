/**
 * The broker and the registry in containers, by testcontainers. Loaded only when a container engine answers: the package
 * is a development dependency. The versions are those of pom.xml.
 *
 * The address that Kafka must advertise holds the published port, which is known only once the container runs: so the
 * container waits for a start script, and gets it then.
 */
import {
  BoundPorts,
  GenericContainer,
  getContainerRuntimeClient,
  type InspectResult,
  type StartedTestContainer,
  Wait,
  waitForContainer,
} from 'testcontainers';
import { TEST_SETTINGS } from './kafka-node.ts';
import { CONFLUENT_PATH } from './local-registry.ts';

const BROKER_PORT = 9092;
const REGISTRY_PORT = 8080;
const START_TIMEOUT_MS = 120_000;
const START_SCRIPT = '/tmp/start-broker';

export interface ContainerService {
  /** `host:port` of a broker, the URL of a registry. */
  readonly address: string;
  stop(): Promise<void>;
}

/** A single node from the `apache/kafka` image. Rejects when the image cannot be had or the broker does not start. */
export async function startKafkaContainer(version: string): Promise<ContainerService> {
  const container = await new KafkaContainer(`apache/kafka:${version}`).start();
  return service(container, `${container.getHost()}:${container.getMappedPort(BROKER_PORT)}`);
}

/** Apicurio in memory; the address is that of its Confluent API. Rejects as startKafkaContainer does. */
export async function startRegistryContainer(version: string): Promise<ContainerService> {
  const container = await new GenericContainer(`apicurio/apicurio-registry:${version}`)
    .withExposedPorts(REGISTRY_PORT)
    .withWaitStrategy(Wait.forHttp(`${CONFLUENT_PATH}/subjects`, REGISTRY_PORT))
    .withStartupTimeout(START_TIMEOUT_MS)
    .start();
  const address = `http://${container.getHost()}:${container.getMappedPort(REGISTRY_PORT)}${CONFLUENT_PATH}`;
  return service(container, address);
}

function service(container: StartedTestContainer, address: string): ContainerService {
  return {
    address,
    async stop() {
      await container.stop({ timeout: 0 });
    },
  };
}

class KafkaContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    const waiting = 'waiting for the start script';
    this.withExposedPorts(BROKER_PORT)
      .withEntrypoint(['sh', '-c'])
      .withCommand([`echo ${waiting}; while [ ! -x ${START_SCRIPT} ]; do sleep 0.05; done; exec ${START_SCRIPT}`])
      .withWaitStrategy(Wait.forLogMessage(waiting))
      .withEnvironment(kafkaEnvironment());
  }

  protected override async containerStarted(container: StartedTestContainer, inspect: InspectResult): Promise<void> {
    const advertised = `HOST://${container.getHost()}:${container.getMappedPort(BROKER_PORT)},INSIDE://localhost:9093`;
    const content = `#!/bin/sh\nexport KAFKA_ADVERTISED_LISTENERS=${advertised}\nexec /etc/kafka/docker/run\n`;
    await container.copyContentToContainer([{ content, target: START_SCRIPT, mode: 0o755 }]);
    const client = await getContainerRuntimeClient();
    const ports = BoundPorts.fromInspectResult(client.info.containerRuntime.hostIps, inspect).filter(this.exposedPorts);
    const started = Wait.forLogMessage(/Kafka Server started/).withStartupTimeout(START_TIMEOUT_MS);
    await waitForContainer(client, client.container.getById(container.getId()), started, ports);
  }
}

/** The image reads `KAFKA_A_B_C` as `a.b.c`. */
function kafkaEnvironment(): Record<string, string> {
  const settings = Object.entries(TEST_SETTINGS).map(([name, value]) => [variable(name), value]);
  return {
    ...Object.fromEntries(settings),
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9094',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENERS: 'HOST://:9092,INSIDE://:9093,CONTROLLER://:9094',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'INSIDE',
  };
}

function variable(setting: string): string {
  return `KAFKA_${setting.replaceAll('.', '_').toUpperCase()}`;
}
