import { describe, expect, it } from 'vitest';
import { frame, framedPayload, framedSchemaId } from '../../src/kafka/framing.ts';

describe('the frame of the schema registry', () => {
  it('is a zero byte and the id, and comes off again', () => {
    const framed = frame(138_559, Buffer.from('payload'));
    expect(framed.subarray(0, 5)).toEqual(Buffer.from('0000021d3f', 'hex'));
    expect(framedSchemaId(framed)).toBe(138_559);
    expect(framedPayload(framed).toString()).toBe('payload');
  });

  it('is not seen in JSON, in text, or in fewer than five bytes', () => {
    for (const bytes of [Buffer.from('{"id":5}'), Buffer.from('138559'), Buffer.alloc(4), Buffer.alloc(0)]) {
      expect(framedSchemaId(bytes)).toBeNull();
    }
  });
});
