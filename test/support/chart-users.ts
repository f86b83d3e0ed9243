/**
 * The rights that the chart grants, out of the golden renders of its examples: what a cluster with Strimzi would give to whom. Rules are
 * made of them the way Strimzi's user operator does. Nothing about rights is written down here a second time.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { kafkajs } from '../../src/kafka/fixes.ts';

/** One operation on one resource, in Kafka's spelling; it is what a rule is made of. */
export interface GrantedRight {
  readonly resource: 'topic' | 'group' | 'transactional id';
  readonly name: string;
  readonly prefix: boolean;
  /** `READ`, `DESCRIBE_CONFIGS` … */
  readonly operation: string;
}

/** A KafkaUser of a render. */
export interface ChartUser {
  /** Name of the object, and so of the user: `lead-webhooks-rekey`. */
  readonly name: string;
  /** `rekey`, `setup` … */
  readonly component: string;
  readonly authentication: string;
  readonly rights: readonly GrantedRight[];
}

interface KafkaUserManifest {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly authentication: { readonly type: string };
    readonly authorization: {
      readonly acls: readonly {
        readonly resource: { readonly type: string; readonly name: string; readonly patternType: string };
        readonly operations: readonly string[];
      }[];
    };
  };
}

const RESOURCES: Readonly<Record<string, GrantedRight['resource']>> = {
  topic: 'topic',
  group: 'group',
  transactionalId: 'transactional id',
};

/** The users in the golden render of an example. Throws for a resource that is not known here. */
export function chartUsers(example: string): ChartUser[] {
  const path = fileURLToPath(new URL(`../golden/chart/${example}.yaml`, import.meta.url));
  const documents = parseAllDocuments(readFileSync(path, 'utf8')).map((one) => one.toJS() as Record<string, unknown>);
  const users = documents.filter((one) => one?.['kind'] === 'KafkaUser') as unknown as KafkaUserManifest[];
  return users.map(({ metadata, spec }) => ({
    name: metadata.name,
    component: metadata.labels['app.kubernetes.io/component'] ?? '',
    authentication: spec.authentication.type,
    rights: spec.authorization.acls.flatMap(({ resource: { type, name, patternType }, operations }) => {
      const resource = RESOURCES[type];
      if (resource === undefined) throw new Error(`a resource of the type ${type}`);
      return operations.map((operation) => ({
        ...{ resource, name, prefix: patternType === 'prefix' },
        operation: operation.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
      }));
    }),
  }));
}

const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;
const RESOURCE_TYPES = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional id': AclResourceTypes.TRANSACTIONAL_ID,
} as const;

/** A rule in the form of the client's admin calls. @param principal `User:lead-webhooks-rekey` or `User:CN=lead-webhooks-rekey` */
export function ruleFor(principal: string, { resource, name, prefix, operation }: GrantedRight) {
  return {
    resourceType: RESOURCE_TYPES[resource],
    resourceName: name,
    resourcePatternType: prefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    principal,
    host: '*',
    operation: AclOperationTypes[operation as keyof typeof AclOperationTypes],
    permissionType: AclPermissionTypes.ALLOW,
  };
}
