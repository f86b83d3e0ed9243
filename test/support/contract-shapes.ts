/**
 * What AsyncAPI 3.0 (with Kafka bindings 0.5.0) and OpenAPI 3.1 ask of the parts that the two contracts use, as JSON Schemas of
 * our own: fields that must be there, fields that may be, the values that are allowed. A field that no such schema names is
 * refused, so a typing error cannot pass; names that begin with `x-` are free, as both specifications say.
 */
import { Ajv, type ValidateFunction } from 'ajv';

type Shape = Readonly<Record<string, unknown>>;

const text = { type: 'string', minLength: 1 };
const anything = {};
const reference = { type: 'object', required: ['$ref'], properties: { $ref: text }, additionalProperties: false };

function object(required: Readonly<Record<string, Shape>>, optional: Readonly<Record<string, Shape>> = {}): Shape {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    patternProperties: { '^x-[\\w.-]+$': {} },
    additionalProperties: false,
  };
}

const list = (items: Shape): Shape => ({ type: 'array', minItems: 1, items });
const orReference = (shape: Shape): Shape => ({
  if: { type: 'object', required: ['$ref'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: reference,
  else: shape,
});
const mapOf = (shape: Shape, name = '^[\\w.-]+$'): Shape => ({
  type: 'object',
  minProperties: 1,
  propertyNames: { pattern: name },
  additionalProperties: shape,
});
const tag = object({ name: text }, { description: text });

const kafkaChannel = object(
  { bindingVersion: { const: '0.5.0' } },
  {
    topic: text,
    partitions: { type: 'integer', minimum: 1 },
    replicas: { type: 'integer', minimum: 1 },
    topicConfiguration: {
      type: 'object',
      properties: {
        'cleanup.policy': list({ enum: ['compact', 'delete'] }),
        'retention.ms': { type: 'integer', minimum: -1 },
        'delete.retention.ms': { type: 'integer', minimum: 0 },
      },
    },
  },
);
const kafkaMessage = object(
  { bindingVersion: { const: '0.5.0' } },
  { key: { type: 'object' }, schemaIdLocation: { enum: ['header', 'payload'] }, schemaIdPayloadEncoding: text },
);
const formattedSchema = object({
  schemaFormat: {
    enum: ['application/vnd.apache.avro+json;version=1.9.0', 'application/schema+json;version=draft-07'],
  },
  schema: reference,
});
const payload = {
  if: { type: 'object', required: ['schemaFormat'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: formattedSchema,
  else: { type: 'object' },
};
const message = object(
  { title: text, bindings: object({ kafka: kafkaMessage }) },
  { description: text, contentType: text, headers: { type: 'object' }, payload },
);
const channel = object(
  {
    address: { type: ['string', 'null'] },
    messages: mapOf(orReference(message)),
    bindings: object({ kafka: kafkaChannel }),
  },
  { description: text, tags: list(tag) },
);
const operation = object({ action: { enum: ['send', 'receive'] }, channel: reference }, { summary: text });

const ASYNCAPI = object({
  asyncapi: { const: '3.0.0' },
  info: object({ title: text, version: text }, { description: text, tags: list(tag) }),
  channels: mapOf(channel),
  operations: mapOf(operation),
  components: object({ messages: mapOf(message), schemas: mapOf({ type: 'object' }) }),
});

const parameter = object(
  { name: text, in: { enum: ['query', 'header', 'path', 'cookie'] }, schema: { type: 'object' } },
  { required: { type: 'boolean' }, description: text, example: anything },
);
const header = object({ schema: { type: 'object' } }, { description: text });
const content = mapOf(object({}, { schema: { type: 'object' } }), '^[a-z]+/[a-z+]+$');
const response = object({ description: text }, { headers: mapOf(orReference(header)), content });
const securityScheme = {
  oneOf: [
    object({ type: { const: 'http' }, scheme: text }, { description: text, bearerFormat: text }),
    object(
      { type: { const: 'apiKey' }, in: { enum: ['query', 'header', 'cookie'] }, name: text },
      { description: text },
    ),
    object(
      {
        type: { const: 'oauth2' },
        flows: object({
          clientCredentials: object({
            tokenUrl: { type: 'string', pattern: '^https://' },
            scopes: { type: 'object', additionalProperties: text },
          }),
        }),
      },
      { description: text },
    ),
  ],
};
const post = object(
  {
    operationId: text,
    parameters: list(orReference(parameter)),
    requestBody: object({ content }, { required: { type: 'boolean' }, description: text }),
    responses: mapOf(orReference(response), '^([1-5](\\d\\d|XX)|default)$'),
  },
  {
    summary: text,
    tags: list(text),
    security: list({ type: 'object', additionalProperties: { type: 'array', items: text } }),
  },
);

const OPENAPI = object(
  {
    openapi: { type: 'string', pattern: '^3\\.1\\.\\d+$' },
    info: object({ title: text, version: text }, { summary: text, description: text }),
    webhooks: mapOf(object({ post })),
    components: object({
      securitySchemes: mapOf(securityScheme),
      parameters: mapOf(parameter),
      headers: mapOf(header),
      responses: mapOf(response),
    }),
  },
  { tags: list(tag) },
);

const compile = (shape: Shape): ValidateFunction => new Ajv({ strict: false, allErrors: true }).compile(shape);

export const isAsyncapi = compile(ASYNCAPI);
export const isOpenapi = compile(OPENAPI);
