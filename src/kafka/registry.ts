/**
 * The schema registry as the rest of this folder needs it: writer schemas by id, and the outbound schemas' subjects.
 * Schemas are immutable, so an id is asked for once and kept for ever; concurrent askers share one request. "There is no
 * such schema" is an answer, kept for a short time only (somebody may register it); "the registry is away" is an error and
 * never kept. It does not compile schemas and does not wait for a registry that is away.
 */
import type { Clock } from '../lib/clock.ts';
import { RegistryHttp, type RegistryOptions, RegistryRefused } from './registry-http.ts';

/** A schema as registered. `references` are the schemas it names, each after those that it needs itself. */
export interface WriterSchema {
  readonly type: 'AVRO' | 'JSON' | 'PROTOBUF';
  /** Parsed JSON of an Avro or JSON schema; the text of a Protobuf one. */
  readonly schema: unknown;
  readonly references: readonly unknown[];
}

export type Compatibility =
  | 'NONE'
  | 'BACKWARD'
  | 'BACKWARD_TRANSITIVE'
  | 'FORWARD'
  | 'FORWARD_TRANSITIVE'
  | 'FULL'
  | 'FULL_TRANSITIVE';

/** Whether a subject holds exactly this schema, and under which id; `different` = it holds other schemas only. */
export type SubjectCheck =
  | { readonly state: 'same'; readonly id: number }
  | { readonly state: 'missing' | 'different' };

/** What the source codec needs of a registry. */
export interface SchemaSource {
  /** Throws RegistryUnavailable while the registry is away. */
  schemaById(id: number): Promise<WriterSchema | 'unknown'>;
}

/** How long "there is no such schema" is believed, ms: a flood of such records costs one request a minute. */
const UNKNOWN_FOR_MS = 60_000;
/** Schemas that name others are followed to this depth; a deeper chain is a mistake or an attack. */
const REFERENCE_DEPTH = 16;

/** A registry over HTTP. Safe to share between tasks; opens nothing until it is asked. */
export class Registry implements SchemaSource {
  readonly #http: RegistryHttp;
  readonly #clock: Clock;
  readonly #known = new Map<number, WriterSchema>();
  readonly #unknownUntil = new Map<number, number>();
  readonly #asking = new Map<number, Promise<WriterSchema | 'unknown'>>();

  constructor(deps: { clock: Clock }, options: RegistryOptions) {
    this.#clock = deps.clock;
    this.#http = new RegistryHttp(options);
  }

  /**
   * The schema that records name in their frame, or `unknown` if the registry has none of this id (also for ids below 1,
   * which no registry gives). Throws RegistryUnavailable, or RegistryRefused for a schema in a form that is not known.
   */
  async schemaById(id: number): Promise<WriterSchema | 'unknown'> {
    if (id < 1) return 'unknown';
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if ((this.#unknownUntil.get(id) ?? 0) > this.#clock.now()) return 'unknown';
    const asking = this.#asking.get(id) ?? this.#ask(id);
    return asking;
  }

  /**
   * Registers a JSON schema under a subject and returns its id; the same schema again gives the same id. Sets the subject's
   * compatibility first, so that it guards this very version; a registry that knows no settings of an unborn subject
   * (Apicurio) gets it right after. Throws RegistryRefused for an incompatible or invalid schema, RegistryUnavailable.
   */
  async register(subject: string, jsonSchema: object, compatibility: Compatibility): Promise<number> {
    const guarded = await this.#guard(subject, compatibility);
    const id = await this.registerAs(subject, 'JSON', jsonSchema);
    if (!guarded && !(await this.#guard(subject, compatibility))) {
      throw new RegistryRefused(404, `the registry does not let the compatibility of subject ${subject} be set`);
    }
    return id;
  }

  /** Registers a schema of any type without touching the subject's settings. Returns its id; throws as `register`. */
  async registerAs(subject: string, type: 'AVRO' | 'JSON', schema: object): Promise<number> {
    const answer = await this.#http.request(
      'POST',
      `/subjects/${encodeURIComponent(subject)}/versions`,
      bodyOf(type, schema),
    );
    return idIn(answer.found ? answer.body : {}, `registering under subject ${subject}`);
  }

  /** Looks a JSON schema up under its subject without changing anything. Throws RegistryUnavailable. */
  async check(subject: string, jsonSchema: object): Promise<SubjectCheck> {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    const answer = await this.#http.request('POST', path, bodyOf('JSON', jsonSchema));
    if (answer.found) return { state: 'same', id: idIn(answer.body, `looking up subject ${subject}`) };
    const latest = await this.#http.request('GET', `${path}/versions/latest`);
    return { state: latest.found ? 'different' : 'missing' };
  }

  /** The compatibility set for the subject itself; null = none (the registry's default holds). Throws RegistryUnavailable. */
  async compatibility(subject: string): Promise<string | null> {
    const answer = await this.#http.request('GET', `/config/${encodeURIComponent(subject)}`);
    const level = answer.found ? answer.body['compatibilityLevel'] : null;
    return typeof level === 'string' ? level.toUpperCase() : null;
  }

  /** Sets the compatibility unless it is set already; false = the registry does not know the subject yet. */
  async #guard(subject: string, compatibility: Compatibility): Promise<boolean> {
    if ((await this.compatibility(subject)) === compatibility) return true;
    return (await this.#http.request('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility })).found;
  }

  #ask(id: number): Promise<WriterSchema | 'unknown'> {
    const asking = this.#fetch(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return asking;
  }

  async #fetch(id: number): Promise<WriterSchema | 'unknown'> {
    const answer = await this.#http.request('GET', `/schemas/ids/${id}`);
    if (!answer.found) {
      this.#unknownUntil.set(id, this.#clock.now() + UNKNOWN_FOR_MS);
      return 'unknown';
    }
    const references: unknown[] = [];
    await this.#references(answer.body, references, new Set(), 0);
    const found: WriterSchema = { ...parsed(answer.body), references };
    this.#unknownUntil.delete(id);
    this.#known.set(id, found);
    return found;
  }

  /** Appends the schemas that `body` names to `into`, in the order in which they can be compiled. */
  async #references(body: Record<string, unknown>, into: unknown[], seen: Set<string>, depth: number): Promise<void> {
    const references: unknown = body['references'];
    if (!Array.isArray(references)) return;
    if (depth === REFERENCE_DEPTH) throw new RegistryRefused(422, 'a schema names others to too great a depth');
    for (const reference of references as Record<string, unknown>[]) {
      const path = `/subjects/${encodeURIComponent(String(reference['subject']))}/versions/${Number(reference['version'])}`;
      if (seen.has(path)) continue;
      seen.add(path);
      const answer = await this.#http.request('GET', path);
      if (!answer.found) throw new RegistryRefused(404, 'a schema names another that the registry does not have');
      await this.#references(answer.body, into, seen, depth + 1);
      into.push(parsed(answer.body).schema);
    }
  }
}

function bodyOf(type: 'AVRO' | 'JSON', schema: object): object {
  return { schemaType: type, schema: JSON.stringify(schema) };
}

function idIn(body: Record<string, unknown>, doing: string): number {
  const id = body['id'];
  if (typeof id === 'number') return id;
  throw new RegistryRefused(404, `${doing}: the registry gave no schema id`);
}

/** The type and content of a registered schema; an Avro schema is the type that registries do not name. */
function parsed(body: Record<string, unknown>): { type: WriterSchema['type']; schema: unknown } {
  const type = body['schemaType'] ?? 'AVRO';
  const text = body['schema'];
  if ((type !== 'AVRO' && type !== 'JSON' && type !== 'PROTOBUF') || typeof text !== 'string') {
    throw new RegistryRefused(200, 'the registry gave a schema in a form that is not known');
  }
  if (type === 'PROTOBUF') return { type, schema: text };
  try {
    // A primitive Avro schema may stand without quotes.
    return { type, schema: /^[a-z]+$/.test(text) ? text : JSON.parse(text) };
  } catch {
    throw new RegistryRefused(200, 'the registry gave a schema that is not JSON');
  }
}
