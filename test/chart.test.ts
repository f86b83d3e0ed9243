/**
 * The Helm chart against the code, without Helm: on its values, its schema and the renders of its examples in test/golden/chart, which
 * `npm run chart:test` keeps true. A golden render stands for what a cluster would get. With DOCS_UPDATE=1 the schema's list of settings is
 * written instead of compared.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { COMMANDS } from '../src/bin/commands.ts';
import { parseEndpoints } from '../src/delivery/endpoints.ts';
import { ownTopics } from '../src/kafka/own-topics.ts';
import { parseConfig } from '../src/ops/config.ts';
import { allSettings } from '../src/ops/config-table.ts';
import { METRIC_PREFIX, METRICS } from '../src/ops/metric-table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const chart = `${root}helm/lead-webhooks/`;
const textOf = (path: string): string => readFileSync(path, 'utf8');
const examples = readdirSync(`${chart}examples`).map((file) => basename(file, '.yaml'));

// biome-ignore lint/suspicious/noExplicitAny: manifests of many kinds; each test says what it looks for.
type Manifest = any;

const renders = new Map<string, readonly Manifest[]>(
  examples.map((example) => {
    const documents = parseAllDocuments(textOf(`${root}test/golden/chart/${example}.yaml`));
    return [example, documents.map((one) => one.toJS() as Manifest).filter((one) => one !== null)];
  }),
);

function manifests(example: string, ...kinds: readonly string[]): Manifest[] {
  return (renders.get(example) ?? []).filter(({ kind }) => kinds.includes(kind));
}

const podsOf = (example: string): Manifest[] =>
  manifests(example, 'Deployment', 'StatefulSet', 'Job', 'Pod').map((one) => one.spec.template?.spec ?? one.spec);

const containersOf = (example: string): Manifest[] =>
  podsOf(example).flatMap(({ initContainers, containers }) => [...(initContainers ?? []), ...containers]);

/** The environment of a container; what comes from elsewhere gets a text that fits. */
function environmentOf(container: Manifest): Record<string, string> {
  return Object.fromEntries(
    container.env.map(({ name, value, valueFrom }: Manifest) => [
      name,
      valueFrom === undefined ? value : 'from-elsewhere',
    ]),
  );
}

/** Values that have another name now. */
const renamed: Manifest[] = parse(textOf(`${chart}files/renamed.yaml`));

describe('the values', () => {
  const schema = JSON.parse(textOf(`${chart}values.schema.json`));
  const validate = new Ajv({ strict: false }).compile(schema);

  test.each(['values', ...examples.map((example) => `examples/${example}`)])('%s.yaml fits the schema', (file) => {
    expect(validate(parse(textOf(`${chart}${file}.yaml`))), JSON.stringify(validate.errors)).toBe(true);
  });

  test.each([
    ['an unknown value', { replicas: 3 }],
    ['an unknown value of a stage', { join: { autoscaling: { enabled: true } } }],
    ['a setting that has a value of its own', { settings: { LEAD_WEBHOOKS_APP_ID: 'x' } }],
    ['a token in the values', endpoint({ auth: { type: 'bearer', token: 'abc' } })],
    ['a client secret in the values', endpoint({ auth: { type: 'oauth2-client-credentials', clientSecret: 'abc' } })],
    ['an endpoint without a version', endpoint({ version: undefined })],
    ['a broker without a port', { kafka: { brokers: ['kafka'] } }],
    ['a digest that is none', { image: { digest: 'latest' } }],
    ['an alert that there is not', { monitoring: { prometheusRule: { alerts: { Typo: { enabled: false } } } } }],
  ])('the schema refuses %s', (_what, values) => {
    expect(validate(JSON.parse(JSON.stringify(values)))).toBe(false);
  });

  test.each(renamed.map(({ was, use }) => [was, use]))(
    'the former name %s is one that the schema lets through to the sentence about it, and %s exists',
    (was, use) => {
      const [, setting] = /^settings\.(\w+)$/.exec(was) ?? [];
      // A name that is no setting wants a case of its own here: its place in the schema.
      expect(schema.definitions.settings.propertyNames.enum).toContain(setting);
      const at = String(use)
        .split('.')
        .reduce((values, key) => values?.[key], parse(textOf(`${chart}values.yaml`)));
      expect(at).toBeDefined();
    },
  );

  test('the schema knows the settings of the program: all that the chart does not set by values of its own', () => {
    // The values that have places of their own are in these two, and no `settings`.
    const containers = ['minimal', 'endpoints'].flatMap(containersOf);
    const own = new Set(containers.flatMap(({ env }) => env.map(({ name }: Manifest) => name)));
    for (const { was } of renamed) own.delete(was.replace(/^settings\./, ''));
    const names = allSettings()
      .filter(({ secret }) => !secret)
      .map(({ env }) => env)
      .filter((name) => name.startsWith('LEAD_WEBHOOKS_') && !name.endsWith('_TOPIC') && !own.has(name))
      .filter((name) => !name.startsWith('LEAD_WEBHOOKS_ADMIN_'));
    if (process.env['DOCS_UPDATE'] === '1') {
      schema.definitions.settings.propertyNames.enum = names;
      writeFileSync(`${chart}values.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);
    }
    expect(schema.definitions.settings.propertyNames.enum.toSorted()).toEqual(names.toSorted());
  });

  test('every value that a template asks for is in values.yaml', () => {
    const values = parse(textOf(`${chart}values.yaml`));
    const has = (path: string): boolean => path.split('.').reduce((at, key) => at?.[key], values) !== undefined;
    const asked = readdirSync(`${chart}templates`).flatMap((file) =>
      [...textOf(`${chart}templates/${file}`).matchAll(/(?:\.Values|\$v|\$values)((?:\.[a-zA-Z]\w*)+)/g)].map(
        ([, path]) => ({
          file,
          path: String(path).slice(1),
        }),
      ),
    );
    expect(asked.length).toBeGreaterThan(100);
    const stages = ['rekey', 'join', 'deliver'];
    // In some templates `$values` are those of a stage.
    const isKnown = (path: string): boolean => has(path) || stages.some((stage) => has(`${stage}.${path}`));
    expect(asked.filter(({ path }) => !isKnown(path))).toEqual([]);
  });
});

function endpoint(change: Record<string, unknown>): unknown {
  return { endpoints: { list: [{ id: 'a', dealership: 3, url: 'https://a.example.com', version: 'v3', ...change }] } };
}

describe.each(examples)('the example %s', (example) => {
  test('gives every container a configuration that the program accepts', () => {
    expect(containersOf(example).length).toBeGreaterThan(3);
    for (const container of containersOf(example)) {
      const environment = environmentOf(container);
      const ours = Object.entries(environment).filter(([name]) => /^(LEAD_WEBHOOKS|KAFKA|SCHEMA_REGISTRY)_/.test(name));
      const file = (path: string): string => {
        if (path.includes('/seal/')) return Buffer.alloc(32, 1).toString('base64');
        return /ca|crt|key/.test(basename(path)) ? PEM : 'secret\n';
      };
      expect(parseConfig(Object.fromEntries(ours), file)).not.toHaveProperty('problems');
      expect(Object.keys(COMMANDS)).toContain(container.args[0]);
    }
  });

  test('names no variable twice in a container', () => {
    for (const { env } of containersOf(example)) {
      const names = env.map(({ name }: Manifest) => name);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  test('mounts each file that the configuration names', () => {
    for (const pod of podsOf(example)) {
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        const mounts: string[] = (container.volumeMounts ?? []).map(({ mountPath }: Manifest) => `${mountPath}/`);
        const volumes = (pod.volumes ?? []).map(({ name }: Manifest) => name);
        for (const { name } of container.volumeMounts ?? []) expect(volumes).toContain(name);
        const paths = Object.entries(environmentOf(container)).filter(([name]) => name.endsWith('_FILE'));
        for (const [name, path] of paths)
          expect(
            mounts.some((mount) => path.startsWith(mount)),
            name,
          ).toBe(true);
      }
    }
  });

  test('fits Pod Security restricted in every pod', () => {
    for (const pod of podsOf(example)) {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const { securityContext } of [...(pod.initContainers ?? []), ...pod.containers]) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  test('lets deliver into private ranges on a port of receivers only where the values say so, by all rules together', () => {
    const policy = manifests(example, 'NetworkPolicy').find(({ metadata }) => metadata.name.endsWith('-deliver'));
    const isOn443 = ({ ports }: Manifest): boolean =>
      ports === undefined || ports.some((one: Manifest) => one.port === 443);
    const open = (policy?.spec.egress ?? []).filter(isOn443).flatMap(({ to }: Manifest) => to ?? ['anywhere']);
    const isGuarded = ({ ipBlock }: Manifest): boolean =>
      /^(0\.0\.0\.0|::)\/0$/.test(ipBlock?.cidr) && ipBlock.except.length > 4;
    const said = parse(textOf(`${chart}examples/${example}.yaml`)).networkPolicy;
    expect(policy === undefined).toBe(said === undefined);
    expect(open.filter((one: Manifest) => !isGuarded(one))).toEqual(said?.receiversTo ?? []);
  });

  test('gives the program less time to stop than the pod', () => {
    const workloads = manifests(example, 'Deployment', 'StatefulSet').map((one) => one.spec.template.spec);
    expect(workloads).toHaveLength(3);
    for (const { containers, terminationGracePeriodSeconds } of workloads) {
      const stopMs = Number(environmentOf(containers[0])['LEAD_WEBHOOKS_SHUTDOWN_TIMEOUT_MS']);
      expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(stopMs);
    }
  });

  test('defines endpoints that the program accepts, in a file or a topic', () => {
    const inTopic = containersOf(example).some((one) => 'LEAD_WEBHOOKS_ENDPOINTS_TOPIC' in environmentOf(one));
    const file = manifests(example, 'ConfigMap').find(({ metadata }) => metadata.name.endsWith('-endpoints'));
    const secrets = { env: () => SIGNING_SECRET, file: () => 'token' };
    const options = { secrets, emittedVersions: ['v1', 'v2', 'v3'] };
    const { endpoints, mistakes } = parseEndpoints(file?.data['endpoints.yaml'] ?? 'endpoints: []', options);
    expect(mistakes).toEqual([]);
    expect(endpoints.length + Number(inTopic)).toBe(1);
  });
});

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const SIGNING_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

test('the topics for Strimzi are those of the program, setting by setting', () => {
  const names = { rekeyState: 'rekey-state', clusterChanges: 'cluster-changes', joinState: 'join-state' } as const;
  const more = { outbound: 'outbound', deliveryState: 'delivery-state', endpointHealth: 'endpoint-health' } as const;
  const rest = { redrives: 'redrives', meta: 'meta', deadLetters: 'dead-letters' } as const;
  const own = ownTopics({
    topics: { ...names, ...more, ...rest },
    layout: { partitions: 12, outboundPartitions: 12, replicationFactor: 3 },
  });
  const wanted = own.map(({ name, partitions, settings }) => ({
    topicName: `lead-webhooks.${name}`,
    partitions: partitions === 'sources' ? 6 : partitions,
    replicas: 3,
    config: {
      ...Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value])),
      'min.insync.replicas': '2',
    },
  }));
  const rendered = manifests('strimzi', 'KafkaTopic').map(({ spec }) => spec);
  expect(rendered).toHaveLength(wanted.length);
  expect(rendered).toEqual(expect.arrayContaining(wanted));
});

describe('what watches it', () => {
  const alerts: Manifest[] = parse(textOf(`${chart}files/alerts.yaml`));
  const known = new Set(
    METRICS.flatMap(({ name, type }) => {
      const whole = METRIC_PREFIX + name;
      return type === 'histogram' ? [`${whole}_bucket`, `${whole}_sum`, `${whole}_count`] : [whole];
    }),
  );
  const used = (text: string): string[] => [...new Set(text.match(/lead_webhooks_\w+/g))];

  test('every alert has a page of its own name, and every page an alert', () => {
    const pages = readdirSync(`${root}docs/runbooks`).toSorted();
    expect(alerts.map(({ alert }) => `${alert.toLowerCase()}.md`).toSorted()).toEqual(pages);
    for (const { alert } of alerts) {
      expect(textOf(`${root}docs/runbooks/${alert.toLowerCase()}.md`).split('\n')[0]).toBe(`# ${alert}`);
    }
  });

  test('every alert has a case in which it fires and one in which it does not', () => {
    const cases: Manifest[] = parse(textOf(`${chart}promtool/alerts_test.yaml`)).tests.flatMap(
      (one: Manifest) => one.alert_rule_test,
    );
    const named = (fires: boolean): string[] => [
      ...new Set(cases.filter((one) => one.exp_alerts.length > 0 === fires).map(({ alertname }) => String(alertname))),
    ];
    const names = alerts.map(({ alert }) => alert).toSorted();
    expect(named(true).toSorted()).toEqual(names);
    expect(named(false).toSorted()).toEqual(names);
  });

  test('alerts, dashboard and runbooks speak of metrics that exist', () => {
    const files = ['files/alerts.yaml', 'files/dashboard.json'].map((file) => chart + file);
    for (const file of files)
      expect(
        used(textOf(file)).filter((name) => !known.has(name)),
        file,
      ).toEqual([]);
    const names = new Set(METRICS.map(({ name }) => METRIC_PREFIX + name));
    for (const page of readdirSync(`${root}docs/runbooks`)) {
      const unknown = used(textOf(`${root}docs/runbooks/${page}`)).filter((name) => !names.has(name));
      expect(unknown, page).toEqual([]);
    }
  });

  test('alerts ask for labels that the metric has', () => {
    for (const { alert, expr } of alerts) {
      for (const [, name = '', labels = ''] of String(expr).matchAll(/lead_webhooks_(\w+?)(?:_bucket)?\{([^}]*)\}/g)) {
        const metric = METRICS.find((one) => one.name === name);
        const asked = labels.split(',').map((label) => label.trim().split(/[!=]/)[0]);
        expect(metric?.labels, alert).toEqual(expect.arrayContaining(asked));
      }
    }
  });
});

test('the README of the chart says of every value what it is for', () => {
  const rows = textOf(`${chart}README.md`).match(/^\| [a-zA-Z.]+ \| \w+ \| .*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(80);
  expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
  for (const name of Object.keys(parse(textOf(`${chart}values.yaml`)))) {
    expect(
      rows.some((row) => row.startsWith(`| ${name} `) || row.startsWith(`| ${name}.`)),
      name,
    ).toBe(true);
  }
});

test('the README of the chart names every example, and only such', () => {
  const named = [...textOf(`${chart}README.md`).matchAll(/^\| `([a-z-]+)\.yaml`/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(examples.toSorted());
});

test('the table of charts counts what is here', () => {
  const ours = (row: string): number => Number(new RegExp(`^\\| ${row} \\| (\\d+)`, 'm').exec(compared)?.[1]);
  const compared = textOf(`${root}docs/chart.md`);
  const suites = readdirSync(`${chart}tests`).filter((file) => file.endsWith('_test.yaml'));
  const alerts: Manifest[] = parse(textOf(`${chart}files/alerts.yaml`));
  expect(ours('helm-unittest suites')).toBe(suites.length);
  expect(ours('`ci/\\*-values.yaml` for ct')).toBe(examples.length);
  expect(ours('PrometheusRule')).toBe(alerts.length);
  const lines = textOf(`${chart}values.yaml`).split('\n').length;
  expect(Math.abs(ours('values.yaml lines') / lines - 1), `${lines} lines`).toBeLessThan(0.1);
});
