/** A schema registry in memory: gives ids, keeps what was registered, and gives it back. */
import type { SchemaSource, WriterSchema } from '../../src/kafka/registry.ts';

export class RecordedRegistry implements SchemaSource {
  /** Subject → schema, in the order of registering; ids are counted from 1. */
  readonly registered: { subject: string; schema: object }[] = [];

  async registerAs(subject: string, _type: 'AVRO' | 'JSON', schema: object): Promise<number> {
    return this.registered.push({ subject, schema });
  }

  async schemaById(id: number): Promise<WriterSchema | 'unknown'> {
    const found = this.registered[id - 1];
    return found === undefined ? 'unknown' : { type: 'AVRO', schema: found.schema, references: [] };
  }
}
