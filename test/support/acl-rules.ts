/**
 * Rules of Kafka's authorizer for tests. A rule counts when the controller has it, and is in force when the broker has heard of it; so
 * each call returns when the broker shows what was asked for.
 */
import type { AclEntry, Admin } from 'kafkajs';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { pause, systemClock } from '../../src/lib/clock.ts';

const LOOK_MS = 10;
const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;

/** Makes rules; returns when they are in force. @param admin connected */
export async function addRules(admin: Admin, rules: readonly AclEntry[]): Promise<void> {
  await admin.createAcls({ acl: [...rules] });
  await untilShown(admin, (shown) => rules.every((rule) => shown.has(keyOf(rule))));
}

/** Takes rules away; returns when they are no longer in force. @param admin connected */
export async function removeRules(admin: Admin, rules: readonly AclEntry[]): Promise<void> {
  await admin.deleteAcls({ filters: [...rules] });
  await untilShown(admin, (shown) => !rules.some((rule) => shown.has(keyOf(rule))));
}

async function untilShown(admin: Admin, holds: (shown: ReadonlySet<string>) => boolean): Promise<void> {
  for (;;) {
    const { resources } = await admin.describeAcls({
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    });
    const rules = resources.flatMap(({ acls, ...resource }) =>
      acls.map((acl) => ({ ...resource, resourcePatternType: resource.resourcePatternType, ...acl })),
    );
    if (holds(new Set(rules.map(keyOf)))) return;
    await pause(systemClock, LOOK_MS);
  }
}

type Named = Pick<AclEntry, 'resourceType' | 'resourceName' | 'resourcePatternType' | 'principal' | 'operation'>;

function keyOf({ resourceType, resourceName, resourcePatternType, principal, operation }: Named): string {
  return [resourceType, resourcePatternType, resourceName, principal, operation].join(' ');
}
