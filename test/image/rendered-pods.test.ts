/** The translation from a render to containers, on the render that is kept: nothing the chart asks for may be left out in silence. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { podsOf } from './rendered-pods.ts';

const render = readFileSync(fileURLToPath(new URL('../golden/chart/minimal.yaml', import.meta.url)), 'utf8');
const deliver = podsOf(render).find(({ name }) => name === 'lead-webhooks-deliver');

test('a render gives the three stages, the setup Job and the pod of helm test', () => {
  expect(podsOf(render).map(({ kind, name, replicas }) => `${kind} ${name} ${replicas}`)).toEqual([
    'Deployment lead-webhooks-rekey 2',
    'Deployment lead-webhooks-deliver 2',
    'StatefulSet lead-webhooks-join 2',
    'Pod lead-webhooks-test 1',
    'Job lead-webhooks-setup 1',
  ]);
});

test('a container has the user, the rights, the memory and the files of its pod, and the name of its pod in its environment', () => {
  const container = deliver?.containers[0]?.('pod-7');
  const options = container?.options.join(' ');
  for (const wanted of ['--user 65532:65532 --group-add 65532', '--read-only', '--security-opt no-new-privileges'])
    expect(options).toContain(wanted);
  expect(options).toContain('--cap-drop ALL --memory 1536m --memory-swap 1536m');
  expect(options).toContain('--env LEAD_WEBHOOKS_INSTANCE_ID=pod-7');
  expect(container?.args).toEqual(['run', '--stages', 'deliver']);
  expect(container?.probes).toEqual({ live: '/livez', ready: '/readyz' });
  expect(container?.mounts.get('/etc/lead-webhooks/endpoints')).toHaveProperty(['endpoints.yaml']);
  expect(deliver?.graceSeconds).toBe(45);
});

test.each([
  ['a pod that may be root', 'runAsNonRoot: true', 'runAsNonRoot: false', 'may run as root'],
  ['a right that is added', 'drop:', 'add: [NET_ADMIN], drop:', ''],
  ['a lifecycle hook', 'terminationMessagePolicy:', 'lifecycle: {}\n          terminationMessagePolicy:', 'lifecycle'],
  ['a volume that is no ConfigMap', 'configMap:\n', 'emptyDir: {}\n          x-other:\n', 'emptyDir'],
])('%s is refused, not left out', (_what, line, other, message) => {
  const changed = render.replaceAll(line, other);
  expect(changed).not.toBe(render);
  expect(() => podsOf(changed).map(({ containers }) => containers.map((one) => one('pod')))).toThrow(message);
});
