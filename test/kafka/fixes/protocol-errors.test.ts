import { describe, expect, it } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { addYoungerErrors, type ProtocolError } from '../../../src/kafka/fixes/protocol-errors.ts';
import { unfixed } from '../../support/unfixed-client.ts';

type Module = { createErrorFromCode(code: number): ProtocolError };

describe('error codes that are younger than the client', () => {
  it('unfixed, a fenced producer is an unknown code', () => {
    expect(unfixed<Module>('protocol/error').createErrorFromCode(90).type).toBe('KAFKAJS_UNKNOWN_ERROR_CODE');
  });

  it('fixed, they have their names and retriability', () => {
    const { createErrorFromCode } = internal('protocol/error') as Module;
    expect(createErrorFromCode(90)).toMatchObject({ type: 'PRODUCER_FENCED', retriable: false });
    expect(createErrorFromCode(89)).toMatchObject({ type: 'THROTTLING_QUOTA_EXCEEDED', retriable: true });
    expect(createErrorFromCode(47)).toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
  });

  it('what the table already has stays, also when they are added again', () => {
    const table: ProtocolError[] = [{ code: 90, type: 'ITS_OWN', retriable: true, message: '' }];
    addYoungerErrors(table);
    const size = table.length;
    addYoungerErrors(table);
    expect(table.length).toBe(size);
    expect(table.filter(({ code }) => code === 90)).toEqual([expect.objectContaining({ type: 'ITS_OWN' })]);
  });
});
