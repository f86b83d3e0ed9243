import { describe, expect, it } from 'vitest';
import { withoutAborted } from '../../src/kafka/fixes/aborted-records.ts';
import { internal, internalFunction } from '../../src/kafka/fixes/internals.ts';
import { groupPerPartition } from '../../src/kafka/fixes/messages-per-partition.ts';
import { frameRequest } from '../../src/kafka/fixes/produce-request.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { unfixed } from '../support/unfixed-client.ts';

describe('the fixed client', () => {
  it('has the replaced functions in place', () => {
    expect(internal('consumer/filterAbortedMessages')).toBe(withoutAborted);
    expect(internal('producer/groupMessagesPerPartition')).toBe(groupPerPartition);
    expect(internal('protocol/request')).toBe(frameRequest);
  });

  it('has replaced methods in the classes that its public module uses', () => {
    for (const [path, method] of [
      ['network/requestQueue', 'scheduleCheckPendingRequests'],
      ['cluster', 'findGroupCoordinator'],
      ['broker', 'endTxn'],
    ] as const) {
      const fixed = Reflect.get(internalFunction(path).prototype, method);
      const original = Reflect.get(unfixed<{ prototype: object }>(path).prototype, method);
      expect(String(fixed), path).not.toBe(String(original));
    }
    expect(internal('index')).toBe(kafkajs.Kafka);
  });
});
