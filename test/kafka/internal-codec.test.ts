import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf, type OutboundRecord, type PendingDelivery } from '../../src/core/delivery.ts';
import type { RowState } from '../../src/core/row-state.ts';
import { storedRow } from '../../src/core/stored-row.ts';
import * as codec from '../../src/kafka/internal-codec.ts';
import { UnknownFormat } from '../../src/kafka/versioned-record.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';
import { pendingDelivery } from '../support/pending-delivery.ts';
import { appointmentRow, leadRow, testDriveRow } from '../support/rows.ts';

const instant = fc.integer({ min: 0, max: 4e12 });
const count = fc.maxSafeNat();
const nullable = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });
const text = fc.string({ unit: 'binary' });
const fragment = nullable(fc.json());
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const meta = fc.record({
  moves: fc.integer({ min: 0, max: 2 ** 21 }),
  live: fc.boolean(),
  birth: nullable(instant),
  changedAt: instant,
  unknown: fc.array(fc.constantFrom('comments', 'item.price')),
});
const state: fc.Arbitrary<RowState> = fc.record({
  cluster: fc.constantFrom('cluster:289', 'lead:138559', 'appointment:9223372036854775807'),
  moves: fc.nat(),
  position: fc.record({ epoch: count, high: count, own: count, streamed: fc.boolean() }),
  live: fc.boolean(),
  birth: nullable(instant),
  grave: fc.boolean(),
  bare: fc.boolean(),
  hash: fc.oneof(digest, fc.constant('')),
  updatedAt: fragment,
  unknown: fc.boolean(),
  pointer: nullable(fc.record({ partition: fc.nat(), offset: count })),
});
const outboundRecord: fc.Arbitrary<OutboundRecord> = fc.record({
  offset: count,
  leadId: fc.constantFrom('138559', '9223372036854775807'),
  version: fc.constantFrom('v1', 'v2', 'v3'),
  revision: count,
  cause: fc.constantFrom('created', 'changed'),
  dealershipId: fc.constant('3'),
  changedAt: nullable(instant),
  traceparent: nullable(text),
  value: fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
  bodyStart: fc.constantFrom(0, 5),
});
const pending: fc.Arbitrary<PendingDelivery> = fc.record({
  record: outboundRecord.map(factsOf),
  packed: fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  attempts: fc.nat(),
  failures: fc.nat(),
  since: instant,
  dueAt: instant,
  firstFailureAt: nullable(instant),
  lastFailureAt: nullable(instant),
  lastStatus: nullable(fc.integer({ min: 100, max: 599 })),
  lastCode: text,
});

/** A row with any text in every field that may hold text. */
function withAnyText<T extends object>(row: T, texts: readonly (string | null)[]): T {
  let at = 0;
  const filled = (value: unknown): unknown => {
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, filled(of)]));
    }
    return value === null ? (texts[at++ % texts.length] ?? null) : value;
  };
  return filled(row) as T;
}

/** As plain objects, so that avsc's classes do not matter. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('values of internal topics come back as they went in', () => {
  it('rows of leads', () => {
    fc.assert(
      fc.property(meta, fc.array(fragment, { minLength: 1 }), (about, texts) => {
        const stored = storedRow('lead', about, withAnyText(leadRow(), texts));
        expect(plain(codec.decodeRow('lead', codec.encodeRow(stored)))).toEqual(plain(stored));
      }),
      { numRuns: 50 },
    );
  });

  it('rows of appointments and test drives', () => {
    fc.assert(
      fc.property(meta, fragment, nullable(text), nullable(count), (about, note, purpose, starts_at) => {
        const appointment = storedRow('appointment', about, { ...appointmentRow(), note, purpose, starts_at });
        expect(plain(codec.decodeRow('appointment', codec.encodeRow(appointment)))).toEqual(plain(appointment));
        const drive = storedRow('test_drive', about, {
          ...testDriveRow(),
          stock_car_display_name: purpose,
          lead_cluster_id: note,
        });
        expect(plain(codec.decodeRow('test_drive', codec.encodeRow(drive)))).toEqual(plain(drive));
      }),
    );
  });

  it("rekey's states", () => {
    fc.assert(
      fc.property(state, (of) => void expect(plain(codec.decodeState(codec.encodeState(of)))).toEqual(plain(of))),
    );
  });

  it('emission records', () => {
    const emission = fc.record({
      moves: fc.nat(),
      n: count,
      hashes: fc.dictionary(fc.constantFrom('v1', 'v2', 'v3'), digest),
    });
    fc.assert(
      fc.property(
        emission,
        (of) => void expect(plain(codec.decodeEmission(codec.encodeEmission(of)))).toEqual(plain(of)),
      ),
    );
  });

  it('positions', () => {
    const rekey = {
      sources: [
        { topic: 'a', next: 5, lastDelete: null, keySchema: null },
        { topic: 'b', next: 2 ** 40, lastDelete: '7', keySchema: 12 },
      ],
      lastTimestamp: 9,
    };
    expect(plain(codec.decodeRekeyPosition(codec.encodeRekeyPosition(rekey)))).toEqual(rekey);
    const join = { next: 5, time: 6, lastTimestamp: 7 };
    expect(plain(codec.decodeJoinPosition(codec.encodeJoinPosition(join)))).toEqual(join);
    const deliver = { nextOffset: 5, sentBound: 9, released: true, owner: 'a', redrives: 1, lastTimestamp: 7 };
    expect(plain(codec.decodeDeliverPosition(codec.encodeDeliverPosition(deliver)))).toEqual(deliver);
  });

  it('a position of deliver that an earlier release wrote, which names no owner', () => {
    // 1: nextOffset 5, sentBound 9, released, redrives 1, lastTimestamp 7
    const first = Buffer.from([1, 10, 18, 1, 2, 14]);
    const position = { nextOffset: 5, sentBound: 9, released: true, owner: null, redrives: 1, lastTimestamp: 7 };
    expect(plain(codec.decodeDeliverPosition(first))).toEqual(position);
    expect(codec.encodeDeliverPosition(position)[0]).toBe(2);
    expect(() => codec.decodeDeliverPosition(Buffer.from([3, 10, 18, 1, 2, 14]))).toThrow(
      'format 3 is not known, expected 2',
    );
  });

  it('pending deliveries, their packed values byte for byte', () => {
    fc.assert(
      fc.property(pending, (of) => void expect(plain(codec.decodePending(codec.encodePending(of)))).toEqual(plain(of))),
    );
  });

  it('a pending delivery that an earlier release wrote, which counts every attempt as a failure once there was one', () => {
    const about = [10, 2, 0x39, 4, 0x76, 0x33, 2, 0, 2, 0x33, 0, 0, 2, 0x78, 0]; // offset 5, lead 9, v3, revision 1, value x
    const failedSince = (...firstFailureAt: number[]): Buffer => {
      // attempts 3, since 1, dueAt 2, no last failure, no status, no code
      return Buffer.from([1, ...about, 6, 2, 4, ...firstFailureAt, 0, 0, 0]);
    };
    expect(codec.decodePending(failedSince(2, 2))).toMatchObject({ attempts: 3, failures: 3, firstFailureAt: 1 });
    expect(codec.decodePending(failedSince(0))).toMatchObject({ attempts: 3, failures: 0, firstFailureAt: null });
    expect(codec.encodePending(codec.decodePending(failedSince(0)))[0]).toBe(2);
  });

  it('redrive requests, their bodies byte for byte', () => {
    const times = fc.record({ deadAt: count, requestedAt: count });
    const letter = fc.record({ partition: fc.nat(100), offset: count });
    fc.assert(
      fc.property(outboundRecord, letter, times, (record, at, { deadAt, requestedAt }) => {
        const of = { endpointId: 'crm', record, letter: at, deadAt, requestedAt };
        expect(plain(codec.decodeRedrive(codec.encodeRedrive(of)))).toEqual(plain(of));
      }),
    );
  });

  it('marks', () => {
    for (const kind of ['seen', 'done', 'dead'] as const) {
      const mark = { kind, revision: 2 ** 33 + 1, expiresAt: 1795443585842 };
      expect(plain(codec.decodeMark(codec.encodeMark(mark)))).toEqual(mark);
    }
  });
});

describe('the formats', () => {
  const about = { moves: 0, live: true, birth: 1795443585842, changedAt: 1795443585842, unknown: [] };
  const row = codec.encodeRow(storedRow('lead', about, leadRow()));

  it('are small: every byte is written to Kafka again and again', () => {
    expect(row.length).toBeLessThan(900);
    const state: RowState = {
      cluster: 'cluster:289',
      moves: 0,
      position: { epoch: 0, high: 26947120, own: 26947120, streamed: true },
      live: true,
      birth: null,
      grave: true,
      bare: false,
      hash: '',
      updatedAt: null,
      unknown: false,
      pointer: null,
    };
    expect(codec.encodeState(state).length).toBeLessThan(60);
  });

  it('pack a body much like the sample to a tenth', () => {
    const body = readFileSync(new URL('../../schemas/internal/body-dictionary.1.txt', import.meta.url));
    const value = Buffer.from(body.toString().replaceAll('email@example.com', 'somebody.else@dealer.example'));
    const packed = codec.encodePending(pendingDelivery({ value }));
    expect(packed.length).toBeLessThan(value.length / 10);
  });

  it('use a dictionary that never changes', () => {
    const dictionary = readFileSync(new URL('../../schemas/internal/body-dictionary.1.txt', import.meta.url));
    expect(createHash('sha256').update(dictionary).digest('hex')).toMatchInlineSnapshot(
      `"472f689c358b2f73cf8a2cb41498c58903cd027a43be4953497c5acc55b1101e"`,
    );
  });

  it('of a later release are refused by name', () => {
    const later = Buffer.from(row);
    later[0] = 2;
    expect(() => codec.decodeRow('lead', later)).toThrow(UnknownFormat);
    expect(() => codec.decodeRow('lead', later)).toThrow('lead-row: format 2 is not known, expected 1');
    expect(() => codec.decodeRow('lead', Buffer.alloc(0))).toThrow(UnknownFormat);
  });

  it('are refused when a byte is missing or left over', () => {
    expect(() => codec.decodeRow('lead', row.subarray(0, row.length - 1))).toThrow(UnknownFormat);
    expect(() => codec.decodeRow('lead', Buffer.concat([row, Buffer.alloc(1)]))).toThrow(UnknownFormat);
  });

  it('keep values larger than any before', () => {
    const comments = JSON.stringify('x'.repeat(300_000));
    const large = storedRow('lead', about, leadRow({ comments }));
    const decoded = codec.decodeRow('lead', codec.encodeRow(large));
    expect(decoded.table === 'lead' && decoded.row.comments).toBe(comments);
    expect(codec.encodeRow(storedRow('lead', about, leadRow()))).toEqual(row);
  });

  it('fail on a value that does not fit, without quoting it', () => {
    const wrong = { ...leadRow(), comments: 5 as unknown as string };
    expect(() => codec.encodeRow(storedRow('lead', about, wrong))).toThrow(AssertionFailed);
    expect(() => codec.encodeRow(storedRow('lead', about, wrong))).toThrow(
      'a value does not fit schemas/internal/lead-row.avsc',
    );
  });
});
