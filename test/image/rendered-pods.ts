/**
 * Reads the pods out of a render of the chart and says which options of `docker create` make the same container: user, groups, rights,
 * read-only root, memory, environment, arguments and mounted ConfigMaps. Whatever it does not know it refuses, so that a line of the
 * chart is never left out in silence. Scheduling, probes' timing and Services are the cluster's and not its matter.
 */
import { parseAllDocuments } from 'yaml';

/** A container as the chart wants it. */
export interface RenderedContainer {
  readonly name: string;
  /** Options of `docker create`, without the image's name. */
  readonly options: readonly string[];
  readonly args: readonly string[];
  /** Folders of the container, and the files to be in each. */
  readonly mounts: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Paths of the probes that are HTTP requests. */
  readonly probes: { readonly live: string | null; readonly ready: string | null };
}

export interface RenderedPod {
  readonly kind: 'Deployment' | 'StatefulSet' | 'Job' | 'Pod';
  readonly name: string;
  readonly replicas: number;
  readonly graceSeconds: number;
  /** Containers that run to their end, one after the other, before the others. */
  readonly first: readonly Template[];
  readonly containers: readonly Template[];
}

/** Makes the container of the pod that has this name. */
export type Template = (podName: string) => RenderedContainer;

type Fields = Readonly<Record<string, unknown>>;

const KINDS = ['Deployment', 'StatefulSet', 'Job', 'Pod'] as const;
const KUBERNETES_GRACE_SECONDS = 30;
const POD_CONTEXT = ['fsGroup', 'runAsGroup', 'runAsNonRoot', 'runAsUser', 'seccompProfile'];
const CONTEXT = ['allowPrivilegeEscalation', 'capabilities', 'readOnlyRootFilesystem'];
const CONTAINER = [
  'args',
  'env',
  'image',
  'imagePullPolicy',
  'livenessProbe',
  'name',
  'ports',
  'readinessProbe',
].concat(['resources', 'securityContext', 'startupProbe', 'terminationMessagePolicy', 'volumeMounts']);

/** Every pod of a render. Throws at what it cannot translate. */
export function podsOf(render: string): RenderedPod[] {
  const documents = parseAllDocuments(render).map((one) => fields(one.toJS()));
  const configMaps = new Map<string, Readonly<Record<string, string>>>();
  for (const one of documents) {
    if (one['kind'] === 'ConfigMap') configMaps.set(nameOf(one), (one['data'] ?? {}) as Record<string, string>);
  }
  return documents.flatMap((one) => {
    const kind = KINDS.find((known) => known === one['kind']);
    return kind === undefined ? [] : [podOf(kind, one, configMaps)];
  });
}

type ConfigMaps = ReadonlyMap<string, Readonly<Record<string, string>>>;

function podOf(kind: RenderedPod['kind'], document: Fields, configMaps: ConfigMaps): RenderedPod {
  const outer = fields(document['spec']);
  const spec = kind === 'Pod' ? outer : fields(fields(outer['template'])['spec']);
  const user = podUser(fields(spec['securityContext']));
  const volumes = volumesOf(list(spec['volumes']), configMaps);
  const template = (container: Fields): Template => {
    return (podName) => containerOf(container, { user, volumes, podName });
  };
  return {
    kind,
    name: nameOf(document),
    replicas: Number(outer['replicas'] ?? 1),
    graceSeconds: Number(spec['terminationGracePeriodSeconds'] ?? KUBERNETES_GRACE_SECONDS),
    first: list(spec['initContainers']).map(template),
    containers: list(spec['containers']).map(template),
  };
}

/** Groups as well: files of mounted volumes belong to the group that `fsGroup` says. */
function podUser(context: Fields): string[] {
  only(context, POD_CONTEXT, 'securityContext of a pod');
  const { runAsUser, runAsGroup, fsGroup, runAsNonRoot, seccompProfile } = context;
  if (runAsNonRoot !== true || !(Number(runAsUser) > 0)) throw new Error('the pod may run as root');
  // The engine's own profile is what RuntimeDefault means; it is in force unless it is switched off.
  if (fields(seccompProfile)['type'] !== 'RuntimeDefault')
    throw new Error('another seccomp profile than RuntimeDefault');
  return ['--user', `${runAsUser}:${runAsGroup}`, '--group-add', String(fsGroup)];
}

function volumesOf(volumes: readonly Fields[], configMaps: ConfigMaps): ConfigMaps {
  return new Map(
    volumes.map((volume) => {
      only(volume, ['name', 'configMap'], 'volume');
      const source = fields(volume['configMap']);
      only(source, ['name'], 'configMap of a volume');
      const data = configMaps.get(String(source['name']));
      if (data === undefined) throw new Error(`the render has no ConfigMap ${source['name']}`);
      return [String(volume['name']), data];
    }),
  );
}

interface Surroundings {
  readonly user: readonly string[];
  readonly volumes: ConfigMaps;
  readonly podName: string;
}

function containerOf(container: Fields, { user, volumes, podName }: Surroundings): RenderedContainer {
  only(container, CONTAINER, 'container');
  const mounts = new Map<string, Readonly<Record<string, string>>>();
  for (const mount of list(container['volumeMounts'])) {
    only(mount, ['name', 'mountPath', 'readOnly'], 'volumeMount');
    const files = volumes.get(String(mount['name']));
    if (files === undefined || mount['readOnly'] !== true)
      throw new Error(`a mount of ${mount['name']} that may be written`);
    mounts.set(String(mount['mountPath']), files);
  }
  return {
    name: nameOf({ metadata: container }),
    options: [
      ...user,
      ...rights(fields(container['securityContext'])),
      ...memory(container),
      ...environment(container, podName),
    ],
    args: list<string>(container['args']),
    mounts,
    probes: { live: probePath(container, 'livenessProbe'), ready: probePath(container, 'readinessProbe') },
  };
}

function rights(context: Fields): string[] {
  only(context, CONTEXT, 'securityContext of a container');
  const options: string[] = [];
  if (context['readOnlyRootFilesystem'] === true) options.push('--read-only');
  if (context['allowPrivilegeEscalation'] === false) options.push('--security-opt', 'no-new-privileges');
  const capabilities = fields(context['capabilities']);
  only(capabilities, ['drop'], 'capabilities');
  for (const one of list<string>(capabilities['drop'])) options.push('--cap-drop', one);
  return options;
}

/** As a kubelet limits it: no swap beside it. */
function memory(container: Fields): string[] {
  const limits = fields(fields(container['resources'])['limits']);
  only(limits, ['memory'], 'limits');
  const [, size = '', unit = ''] = /^(\d+)([MG])i$/.exec(String(limits['memory'])) ?? [];
  if (size === '') throw new Error(`the memory limit ${limits['memory']} is in another unit`);
  const amount = `${size}${unit.toLowerCase()}`;
  return ['--memory', amount, '--memory-swap', amount];
}

function environment(container: Fields, podName: string): string[] {
  return list(container['env']).flatMap((one) => {
    only(one, ['name', 'value', 'valueFrom'], 'env');
    if (one['valueFrom'] === undefined) return ['--env', `${one['name']}=${one['value']}`];
    const { fieldRef, ...others } = fields(one['valueFrom']);
    only(others, [], 'valueFrom');
    if (fields(fieldRef)['fieldPath'] !== 'metadata.name')
      throw new Error(`${one['name']} comes from an unknown field`);
    return ['--env', `${one['name']}=${podName}`];
  });
}

function probePath(container: Fields, name: string): string | null {
  const path = fields(fields(container[name])['httpGet'])['path'];
  return path === undefined ? null : String(path);
}

function nameOf(document: Fields): string {
  return String(fields(document['metadata'])['name']);
}

function only(given: Fields, known: readonly string[], what: string): void {
  const unknown = Object.keys(given).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new Error(`${what}: nothing is known of ${unknown.join(', ')}`);
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list<T = Fields>(value: unknown): T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}
