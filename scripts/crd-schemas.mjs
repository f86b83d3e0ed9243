/**
 * Makes the JSON Schemas in helm/lead-webhooks/crd-schemas out of CustomResourceDefinitions: `node scripts/crd-schemas.mjs FILE…`. With
 * them `npm run chart:test` refuses an unknown field in a ScaledObject as it does in a Deployment, without a network.
 *
 * Only the kinds and versions that the chart renders are kept, and of them only what a check needs: no descriptions, no status, no
 * rules that need a server. Which file of which release to give is in the README.md beside them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const folder = fileURLToPath(new URL('../helm/lead-webhooks/crd-schemas/', import.meta.url));
const wanted = new Set([
  'ExternalSecret v1',
  'KafkaTopic v1',
  'KafkaUser v1',
  'PodMonitor v1',
  'PrometheusRule v1',
  'ScaledObject v1alpha1',
]);
const KEPT = [
  'type',
  'enum',
  'required',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
];

/** The same schema for a validator that is no Kubernetes: a field that is not named is refused, as a server's strict check does. */
function strict(node) {
  const kept = Object.fromEntries(KEPT.filter((key) => key in node).map((key) => [key, node[key]]));
  if (node['x-kubernetes-int-or-string']) kept.type = ['string', 'integer'];
  for (const key of ['items', 'not']) if (node[key] !== undefined) kept[key] = strict(node[key]);
  if (typeof node.additionalProperties === 'object') kept.additionalProperties = strict(node.additionalProperties);
  if (node.properties === undefined) return kept;
  kept.properties = Object.fromEntries(Object.entries(node.properties).map(([name, child]) => [name, strict(child)]));
  if (!node['x-kubernetes-preserve-unknown-fields']) kept.additionalProperties ??= false;
  return kept;
}

for (const file of process.argv.slice(2)) {
  for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
    const { kind, spec } = document.toJS() ?? {};
    if (kind !== 'CustomResourceDefinition') continue;
    for (const { name: version, schema } of spec.versions) {
      if (!wanted.delete(`${spec.names.kind} ${version}`)) continue;
      const { status: _status, ...properties } = schema.openAPIV3Schema.properties;
      properties.metadata = { type: 'object' };
      // The name that kubeconform looks for: kind, first label of the group, version.
      const name = `${spec.names.kind}-${spec.group.split('.')[0]}-${version}.json`.toLowerCase();
      const small = strict({ ...schema.openAPIV3Schema, properties });
      writeFileSync(`${folder}${name}`, `${JSON.stringify(small)}\n`);
    }
  }
}
if (wanted.size > 0) {
  process.stderr.write(`no definition given of: ${[...wanted].join(', ')}\n`);
  process.exitCode = 1;
}
