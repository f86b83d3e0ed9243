/**
 * Installs each example of the chart on a real API server, upgrades it, rolls it back and removes it: `npm run chart:install`, with helm (or
 * `--helm helm3`) and kubectl on the PATH and a cluster that kubectl reaches. The namespace is made and thrown away, and enforces Pod
 * Security *restricted*; the definitions of ScaledObject, KafkaTopic and so on must be installed (helm/lead-webhooks/crd-schemas/README.md).
 *
 * What it proves needs no nodes, so an API server with its controllers is enough: the server takes every object without an unknown field, its
 * controllers may make every pod, and nothing is left behind. Pods need not run, so hooks are not awaited: their pods are made apart.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';

const chart = fileURLToPath(new URL('../helm/lead-webhooks', import.meta.url));
const helmAt = process.argv.indexOf('--helm');
const helm = helmAt === -1 ? 'helm' : (process.argv[helmAt + 1] ?? 'helm');
const namespace = `chart-test-${process.pid}`;
const release = 'lw';
const PATIENCE_MS = 60_000;

const say = (text) => process.stdout.write(`${text}\n`);

/** Output of a program; throws with what it said when it fails. */
function run(program, args, input = '') {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', input });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.slice(0, 3).join(' ')}: ${error?.message ?? stderr.trim()}`);
}

const kubectl = (args, input) => run('kubectl', ['--namespace', namespace, ...args], input);
const list = (kinds, ...more) => JSON.parse(kubectl(['get', kinds, '--output', 'json', ...more])).items;

function expect(claim, holds) {
  if (!holds) throw new Error(`not so: ${claim}`);
}

/** Until `found` gives something; what controllers refused ends it at once. */
async function eventually(claim, found) {
  for (const until = Date.now() + PATIENCE_MS; ; await pause(250)) {
    const refused = list('events').find(({ reason }) => reason === 'FailedCreate');
    if (refused !== undefined) throw new Error(`${claim}: ${refused.message}`);
    if (found()) return;
    if (Date.now() > until) throw new Error(`${claim}: not within ${PATIENCE_MS} ms`);
  }
}

const workloads = () => list('deployments.apps,statefulsets.apps');

/** Every workload has the pods that it wants, from its newest template. */
async function podsAreMade() {
  await eventually('the controllers make every pod', () =>
    workloads().every(
      ({ spec, status, metadata }) =>
        status.observedGeneration === metadata.generation && (status.replicas ?? 0) >= spec.replicas,
    ),
  );
}

/** The Job and the test are hooks, which Helm would wait for: made by hand when Helm would, their pods too, and taken away. */
async function hooksAreTaken(values, when) {
  const rendering = ['template', release, chart, '--namespace', namespace, '--values', values];
  const hooks = parseAllDocuments(run(helm, [...rendering, '--kube-version', '1.34.0']))
    .map((one) => one.toJS())
    .filter((one) => one?.metadata.annotations?.['helm.sh/hook']?.split(',').includes(when));
  if (hooks.length === 0) return;
  const text = hooks.map((one) => stringify(one)).join('---\n');
  const isOurs = ({ metadata }) => hooks.some((hook) => `${metadata.name}-`.startsWith(`${hook.metadata.name}-`));
  const pods = () => list('pods').filter(isOurs).length;
  kubectl(['create', '--validate=strict', '--filename', '-'], text);
  await eventually(`the pods of ${when} are made`, () => pods() === hooks.length);
  kubectl(['delete', '--wait=false', '--filename', '-'], text);
  await eventually(`the pods of ${when} are gone`, () => pods() === 0);
}

async function lifeOf(example) {
  const values = join(chart, 'examples', `${example}.yaml`);
  await hooksAreTaken(values, 'pre-install');
  const all = [release, chart, '--namespace', namespace, '--no-hooks', '--values', values];
  const startedAt = Date.now();

  run(helm, ['install', ...all]);
  await podsAreMade();
  await hooksAreTaken(values, 'test');
  const stopTimes = () => workloads().map(({ spec }) => spec.template.spec.terminationGracePeriodSeconds);
  const before = stopTimes();

  run(helm, [
    'upgrade',
    ...all,
    ...['rekey', 'join', 'deliver'].flatMap((stage) => ['--set', `${stage}.shutdownTimeoutMs=55000`]),
  ]);
  expect(
    'the upgrade is in effect',
    stopTimes().every((seconds) => seconds === 60),
  );
  await podsAreMade();

  run(helm, ['rollback', release, '1', '--namespace', namespace, '--no-hooks']);
  expect('the rollback is in effect', stopTimes().join() === before.join());
  await podsAreMade();

  run(helm, ['uninstall', release, '--namespace', namespace, '--no-hooks']);
  const kinds = run('kubectl', ['api-resources', '--namespaced', '--verbs', 'list,delete', '--output', 'name'])
    .trim()
    .split('\n');
  const ours = ['--selector', `app.kubernetes.io/instance=${release}`];
  const left = () => list(kinds.filter((kind) => !kind.startsWith('events')).join(), ...ours).map(({ kind }) => kind);
  await eventually('nothing is left but the topics', () => left().every((kind) => kind === 'KafkaTopic'));
  const topics = left().length;
  if (topics > 0) kubectl(['delete', 'kafkatopics', '--all']);
  const kept = topics > 0 ? `, ${topics} topics kept` : '';
  say(`ok     ${example}: install, upgrade, rollback, uninstall${kept} (${Date.now() - startedAt} ms)`);
}

const restricted = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
};
const priorityClass = {
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: 'stream-processing' },
  value: 1000,
};
let failed = 0;
say(
  `${run(helm, ['version', '--short']).trim()} on Kubernetes ${JSON.parse(run('kubectl', ['version', '--output', 'json'])).serverVersion.gitVersion}`,
);
run(
  'kubectl',
  ['create', '--filename', '-'],
  stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: restricted } }),
);
// An example names it; one that is there already does as well.
const classIsOurs =
  spawnSync('kubectl', ['create', '--filename', '-'], { input: stringify(priorityClass) }).status === 0;
for (const file of readdirSync(join(chart, 'examples'))) {
  try {
    await lifeOf(file.replace(/\.yaml$/, ''));
  } catch (error) {
    failed++;
    say(`FAILED ${file}: ${error.message}`);
    spawnSync(helm, ['uninstall', release, '--namespace', namespace, '--no-hooks']);
    spawnSync('kubectl', ['--namespace', namespace, 'delete', 'jobs,pods,events', '--all', '--wait=false']);
  }
}
run('kubectl', ['delete', 'namespace', namespace, '--wait=false']);
if (classIsOurs) run('kubectl', ['delete', 'priorityclass', priorityClass.metadata.name]);
say(failed === 0 ? 'chart: installs' : `chart: ${failed} examples failed`);
process.exit(failed === 0 ? 0 : 1);
