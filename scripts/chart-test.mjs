/**
 * The tests of the Helm chart that need Helm's tools: `npm run chart:test`. It installs nothing; a tool that is not on the PATH is named and
 * the run fails. With `--update` the golden renders and the chart's README are written instead of compared.
 *
 * Kubernetes' schemas come from kubeconform's default place, or from KUBE_SCHEMAS (a location in kubeconform's form) where that is out of
 * reach; those of operators (KEDA, Strimzi and others) lie in the chart. What needs no tool is in test/chart.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { chartInputs } from '../test/support/chart-inputs.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const chart = join(root, 'helm/lead-webhooks');
const golden = join(root, 'test/golden/chart');
const update = process.argv.includes('--update');
const scratch = mkdtempSync(join(tmpdir(), 'chart-test-'));
const failures = [];
const examples = readdirSync(join(chart, 'examples')).map((file) => file.replace(/\.yaml$/, ''));

const say = (text) => process.stdout.write(`${text}\n`);

function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', cwd: root, ...options });
  if (error !== undefined) return { ok: false, out: '', text: error.message };
  return { ok: status === 0, out: stdout, text: `${stdout}${stderr}`.trim() };
}

function check(claim, { ok, text }) {
  say(`${ok ? 'ok    ' : 'FAILED'} ${claim}`);
  if (!ok) {
    failures.push(claim);
    say(text.replace(/^/gm, '       '));
  }
}

function missingTools() {
  const tools = {
    helm: 'version',
    'helm-unittest': '--help',
    kubeconform: '-v',
    'kube-linter': 'version',
    promtool: '--version',
  };
  const needed = { ...tools, 'helm-docs': '--help' };
  return Object.entries(needed).flatMap(([tool, flag]) => (run(tool, [flag]).ok ? [] : [tool]));
}

/** The render of an example as it is kept: without the lines that change with every version. */
function render(example) {
  const values = join(chart, 'examples', `${example}.yaml`);
  return run('helm', [
    'template',
    'lead-webhooks',
    chart,
    '--namespace',
    'leads',
    '--values',
    values,
    '--kube-version',
    '1.34.0',
  ]);
}

function compareText(claim, path, text) {
  if (update) writeFileSync(path, text);
  let kept = '';
  try {
    kept = readFileSync(path, 'utf8');
  } catch {}
  check(claim, { ok: kept === text, text: `${path} differs: look at the change, then run with --update` });
}

function renders() {
  for (const example of examples) {
    const values = join(chart, 'examples', `${example}.yaml`);
    check(`helm lint accepts ${example}`, run('helm', ['lint', '--strict', chart, '--values', values]));
    const rendered = render(example);
    if (!rendered.ok) check(`${example} renders`, rendered);
    else compareText(`${example} renders as it did`, join(golden, `${example}.yaml`), rendered.out);
  }
  // For tests without Helm: these renders are those of this chart.
  const inputs = `${JSON.stringify(chartInputs(chart), null, 2)}\n`;
  compareText('the renders that are kept were made of this chart', join(golden, 'inputs.json'), inputs);
}

function manifests() {
  // What no example has.
  const pod = join(scratch, 'operator.yaml');
  const people = ['--set', 'strimzi.users.operatorPod=true', '--show-only', 'templates/operator.yaml'];
  writeFileSync(
    pod,
    run('helm', ['template', 'lw', chart, '--values', join(chart, 'examples/strimzi.yaml'), ...people]).out,
  );
  const files = [...examples.map((example) => join(golden, `${example}.yaml`)), pod];
  const locations = [
    join(chart, 'crd-schemas/{{.ResourceKind}}{{.KindSuffix}}.json'),
    process.env['KUBE_SCHEMAS'] ?? 'default',
  ].flatMap((location) => ['-schema-location', location]);
  check(
    'the renders fit the schemas of Kubernetes and of the operators, unknown fields refused',
    run('kubeconform', ['-strict', '-summary', ...locations, ...files]),
  );
  check(
    'kube-linter finds nothing',
    run('kube-linter', ['lint', '--config', join(chart, '.kube-linter.yaml'), ...files]),
  );
}

/** Rules for promtool. It compares annotations to the letter, and the tests are about when an alert fires, not about its words. */
function writeRules(file, rules) {
  const bare = rules.map(({ annotations: _, ...rule }) => rule);
  writeFileSync(join(scratch, file), stringify({ groups: [{ name: 'alerts', rules: bare }] }));
}

/** The alerts of the file as somebody takes them who has no chart. */
function plainAlerts() {
  return parse(readFileSync(join(chart, 'files/alerts.yaml'), 'utf8')).map(
    ({ alert, expr, for: wait, severity, threshold }) => ({
      alert,
      expr: expr.replaceAll('THRESHOLD', String(threshold)),
      for: wait,
      labels: { severity },
    }),
  );
}

/** The alerts as Prometheus reads them, taken out of a render, beside their tests. */
function alerts() {
  const rendered = parseAllDocuments(readFileSync(join(golden, 'ha.yaml'), 'utf8')).map((one) => one.toJS());
  const rules = rendered.find((one) => one?.kind === 'PrometheusRule');
  const defaults = run('helm', [
    ...['template', 'lw', chart, ...minimal, '--set', 'fullnameOverride=lw'],
    ...['--set', 'monitoring.prometheusRule.enabled=true', '--show-only', 'templates/prometheus-rule.yaml'],
  ]);
  if (!defaults.ok || rules === undefined) return check('the alerts render', defaults);
  writeFileSync(join(scratch, 'ha-rules.yaml'), stringify(rules.spec));
  const { spec } = parse(defaults.out);
  writeFileSync(join(scratch, 'default-rules.yaml'), stringify(spec));
  writeRules('rules.yaml', spec.groups[0].rules);
  writeRules('plain-rules.yaml', plainAlerts());
  const tests = ['alerts_test.yaml', 'plain-alerts_test.yaml'];
  for (const test of tests) cpSync(join(chart, 'promtool', test), join(scratch, test));
  check(
    'promtool accepts the alerts',
    run('promtool', ['check', 'rules', 'default-rules.yaml', 'ha-rules.yaml', 'plain-rules.yaml'], { cwd: scratch }),
  );
  check(
    'every alert fires when it must and is silent when it must',
    run('promtool', ['test', 'rules', ...tests], { cwd: scratch }),
  );
}

const minimal = ['--namespace', 'leads', '--values', join(chart, 'examples/minimal.yaml')];

/** What needs two renders, or another chart than ours. */
function mechanisms() {
  const job = [
    'template',
    'lw',
    chart,
    ...minimal,
    '--set',
    'setup.hook=false',
    '--show-only',
    'templates/setup-job.yaml',
  ];
  const nameOf = (...more) => parse(run('helm', [...job, ...more]).out)?.metadata.name;
  const names = [
    nameOf(),
    nameOf(),
    nameOf('--set', 'setup.resources.limits.memory=1Gi'),
    nameOf('--set', 'image.tag=2'),
  ];
  check('a setup Job that is no hook has another name when something in it is different, and only then', {
    ok: names[0] === names[1] && new Set(names).size === 3,
    text: names.join(' '),
  });

  const copy = join(scratch, 'chart');
  cpSync(chart, copy, { recursive: true });
  const former = { was: 'fullnameOverride', use: 'a.new.name', since: '1.0.0', until: '2.0.0' };
  writeFileSync(join(copy, 'files/renamed.yaml'), stringify([former]));
  const install = ['install', 'lw', copy, '--dry-run=client', ...minimal];
  const notes = run('helm', [...install, '--set', 'fullnameOverride=x']).out;
  const sentence =
    'has another name since version 1.0.0 of the chart: use a.new.name, the former name works until 2.0.0';
  check('a former name that still works renders, and the notes say which one it is now', {
    ok: notes.includes(`- fullnameOverride: ${sentence}`) && notes.includes('name: x-join'),
    text: notes.slice(-600),
  });
  check('who uses no former name is not told of it', {
    ok: !run('helm', install).text.includes('another name'),
    text: '',
  });
}

const missing = missingTools();
if (missing.length > 0) {
  say(`not on the PATH: ${missing.join(', ')}. Install them; all are written in Go and can be had by \`go install\`.`);
  process.exit(2);
}
renders();
check('each template does what it should (helm-unittest)', run('helm-unittest', [chart]));
mechanisms();
manifests();
alerts();
// A path relative to here: with an absolute one helm-docs finds nothing, and says nothing.
const docs = run('helm-docs', ['--dry-run', '--chart-search-root', 'helm/lead-webhooks', '--log-level', 'error']);
if (!docs.ok || docs.out === '') check('the README is generated', docs);
else compareText('the README shows the values', join(chart, 'README.md'), docs.out);
rmSync(scratch, { recursive: true, force: true });
say(failures.length === 0 ? 'chart: good' : `chart: ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
