/**
 * Installs each example of the chart on a real API server, upgrades it, rolls it back and removes it: `npm run chart:install`, with helm (or
 * `--helm helm3`) and kubectl on the PATH and a cluster that kubectl reaches. The namespace is made and thrown away, and enforces Pod
 * Security *restricted*; the definitions of ScaledObject, KafkaTopic and so on must be installed (helm/lead-webhooks/crd-schemas/README.md).
 *
 * What it proves needs no nodes, so an API server with its controllers is enough: the server takes every object without an unknown field, its
 * controllers may make every pod, Helm runs the hooks in their place and takes them away, and nothing is left behind. No pod runs: this
 * script plays the node's part for the pods of hooks, which Helm waits for, and says of each that it ended.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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

/** Names of the hooks that Helm runs at `when`; each is one that the server takes without an unknown field. */
function hooksAt(values, when) {
  const rendering = ['template', release, chart, '--namespace', namespace, '--values', values];
  const hooks = parseAllDocuments(run(helm, [...rendering, '--kube-version', '1.34.0']))
    .map((one) => one.toJS())
    .filter((one) => one?.metadata.annotations?.['helm.sh/hook']?.split(',').includes(when));
  // Under another name: a hook that failed is still there under its own.
  const look = ({ metadata, ...one }) =>
    stringify({ ...one, metadata: { ...metadata, name: `${metadata.name}-look` } });
  const text = hooks.map(look).join('---\n');
  if (text !== '') kubectl(['create', '--dry-run=server', '--validate=strict', '--filename', '-'], text);
  return hooks.map(({ metadata }) => metadata.name);
}

/** What the node of a pod would say when all its containers ended with this code. */
function endPod({ metadata, spec }, exitCode) {
  const ended = ({ name, image }) => ({
    ...{ name, image, imageID: '', ready: false, restartCount: 0 },
    state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } },
  });
  const status = {
    phase: exitCode === 0 ? 'Succeeded' : 'Failed',
    initContainerStatuses: (spec.initContainers ?? []).map(ended),
    containerStatuses: spec.containers.map(ended),
  };
  kubectl([
    'patch',
    'pod',
    metadata.name,
    '--subresource=status',
    '--type=merge',
    '--patch',
    JSON.stringify({ status }),
  ]);
}

const generations = () => workloads().map(({ metadata }) => `${metadata.name} ${metadata.generation}`);

/**
 * Runs Helm, with its hooks at `when` and nobody but us to end their pods, with `exitCode`. While a hook is on, no workload is made or
 * changed by the same command. Gives whether Helm was content.
 */
async function withHooks(args, { values, when, exitCode = 0 }) {
  const names = hooksAt(values, when);
  const before = generations();
  const child = spawn(helm, [...args, '--namespace', namespace, '--timeout', `${PATIENCE_MS / 1_000}s`]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const closed = once(child, 'close');
  const taken = new Set();
  while (child.exitCode === null) {
    for (const pod of list('pods')) {
      const hook = names.find((name) => `${pod.metadata.name}-`.startsWith(`${name}-`));
      if (hook === undefined || pod.status.phase !== 'Pending' || pod.metadata.deletionTimestamp) continue;
      expect(`${hook} is done before a workload changes`, generations().join() === before.join());
      taken.add(hook);
      endPod(pod, exitCode);
    }
    await pause(100);
  }
  await closed;
  const isContent = child.exitCode === 0;
  if (exitCode === 0 && !isContent) throw new Error(`${helm} ${args[0]}: ${said.trim()}`);
  expect(`every hook of ${when} ran`, taken.size === names.length);
  const isLeft = () => list('jobs,pods').some(({ metadata }) => names.some((name) => metadata.name.startsWith(name)));
  if (isContent) await eventually(`the hooks of ${when} are taken away`, () => names.length === 0 || !isLeft());
  return { isContent, hooks: names.length };
}

async function lifeOf(example) {
  const values = join(chart, 'examples', `${example}.yaml`);
  const all = [release, chart, '--values', values];
  const startedAt = Date.now();

  const { hooks } = await withHooks(['install', ...all], { values, when: 'pre-install' });
  await podsAreMade();
  await withHooks(['test', release], { values, when: 'test' });
  const stopTimes = () => workloads().map(({ spec }) => spec.template.spec.terminationGracePeriodSeconds);
  const before = stopTimes();

  const stages = ['rekey', 'join', 'deliver'];
  const change = stages.flatMap((stage) => ['--set', `${stage}.shutdownTimeoutMs=55000`]);
  const upgrade = ['upgrade', ...all, ...change];
  if (hooks > 0) {
    const { isContent } = await withHooks(upgrade, { values, when: 'pre-upgrade', exitCode: 2 });
    expect('an upgrade whose hook failed changes no workload', !isContent && stopTimes().join() === before.join());
  }
  // The Job that failed is still there, and makes way.
  await withHooks(upgrade, { values, when: 'pre-upgrade' });
  expect(
    'the upgrade is in effect',
    stopTimes().every((seconds) => seconds === 60),
  );
  await podsAreMade();

  await withHooks(['rollback', release, '1'], { values, when: 'pre-rollback' });
  expect('the rollback is in effect', stopTimes().join() === before.join());
  await podsAreMade();

  await withHooks(['uninstall', release], { values, when: 'pre-delete' });
  const topics = await whatIsLeft();
  const kept = topics > 0 ? `, ${topics} topics kept` : '';
  const how = hooks > 0 ? 'by a hook' : 'by no hook';
  say(
    `ok     ${example}: install (setup ${how}), test, upgrade, rollback, uninstall${kept} (${Date.now() - startedAt} ms)`,
  );
}

/** Nothing but the topics; their number. */
async function whatIsLeft() {
  const kinds = run('kubectl', ['api-resources', '--namespaced', '--verbs', 'list,delete', '--output', 'name'])
    .trim()
    .split('\n');
  const ours = ['--selector', `app.kubernetes.io/instance=${release}`];
  const left = () => list(kinds.filter((kind) => !kind.startsWith('events')).join(), ...ours).map(({ kind }) => kind);
  await eventually('nothing is left but the topics', () => left().every((kind) => kind === 'KafkaTopic'));
  const topics = left().length;
  if (topics > 0) kubectl(['delete', 'kafkatopics', '--all']);
  return topics;
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
