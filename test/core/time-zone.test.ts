import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RAILS_ZONES } from '../../src/core/rails-zones.ts';
import { resolveZone, wallClock } from '../../src/core/time-zone.ts';
import { micros } from '../support/rows.ts';

const BRISBANE = 'Australia/Brisbane';
const ZONES = [
  ...new Set([
    ...RAILS_ZONES.values(),
    'Australia/Lord_Howe', // daylight saving of half an hour
    'Australia/Eucla', // +08:45
    'Asia/Gaza', // changes a minute after midnight
    'Antarctica/Troll', // daylight saving of two hours
    'America/Scoresbysund',
  ]),
];

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the platform's own formatter says, put together from its parts. */
function platformWallClock(seconds: number, zone: string): string {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(seconds * 1_000).map(({ type, value }) => [type, value]));
  const date = `${parts['year']?.padStart(4, '0')}-${parts['month']}-${parts['day']}`;
  return `${date} ${parts['hour']}:${parts['minute']}:${parts['second']}`;
}

describe('resolveZone (A24)', () => {
  it.each([null, '', ' ', '\t\n '])('takes %j for no zone: Brisbane, and known', (name) => {
    expect(resolveZone(name)).toEqual({ zone: BRISBANE, known: true });
  });

  it('knows the 152 names of Rails, and the platform has a zone for each', () => {
    expect(RAILS_ZONES.size).toBe(152);
    for (const [rails, iana] of RAILS_ZONES) {
      const { zone, known } = resolveZone(rails);
      expect([rails, known]).toEqual([rails, true]);
      expect(wallClock(micros('2025-09-18T02:00:00Z'), zone)).toBe(platformWallClock(1758160800, iana));
    }
  });

  it.each([
    ['Adelaide', 'Australia/Adelaide'],
    ['Eastern Time (US & Canada)', 'America/New_York'],
    ["Nuku'alofa", 'Pacific/Tongatapu'],
    ['Chatham Is.', 'Pacific/Chatham'],
  ])('maps the Rails name %s to %s', (name, zone) => {
    expect(resolveZone(name)).toEqual({ zone, known: true });
  });

  it.each([
    ['Australia/Perth', 'Australia/Perth'],
    ['australia/LORD_howe', 'Australia/Lord_Howe'],
    ['Etc/GMT+12', 'Etc/GMT+12'],
    ['America/Argentina/Buenos_Aires', 'America/Buenos_Aires'],
  ])('takes the IANA name %s in any case', (name, zone) => {
    const { zone: resolved, known } = resolveZone(name);
    expect(known).toBe(true);
    expect(platformWallClock(1758160800, resolved)).toBe(platformWallClock(1758160800, zone));
  });

  it.each([
    ['Australia/ACT', 'Australia/Sydney'],
    ['Australia/Queensland', BRISBANE],
    ['US/Pacific', 'America/Los_Angeles'],
    ['NZ-CHAT', 'Pacific/Chatham'],
    ['nz', 'Pacific/Auckland'],
    ['gmt', 'Etc/UTC'],
  ])('takes the IANA alias %s', (name, zone) => {
    const { zone: resolved, known } = resolveZone(name);
    expect(known).toBe(true);
    expect(platformWallClock(1758160800, resolved)).toBe(platformWallClock(1758160800, zone));
  });

  it.each([
    '+10:00',
    '+10',
    '-0530',
    'UTC+10',
    'EST5',
    'AEST',
    'AET', // the platform takes this and the next two, which are no IANA names
    'JST',
    'SystemV/EST5',
    'brisbane', // Rails writes a capital
    ' Australia/Sydney',
    'Australia/Nowhere',
    'Australia',
    'constructor',
    '__proto__',
    '\u0000',
    'x'.repeat(100_000),
  ])('lets Brisbane stand in for %j, and says so', (name) => {
    expect(resolveZone(name)).toEqual({ zone: BRISBANE, known: false });
  });

  it('has an answer that can be formatted for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(wallClock(0, resolveZone(name).zone)).toMatch(/^(1969-12-31|1970-01-01) /);
      }),
    );
  });

  it('still answers right after more names than it remembers', () => {
    for (let index = 0; index < 2_500; index += 1) resolveZone(`Nowhere ${index}`);

    expect(resolveZone('Nowhere 7')).toEqual({ zone: BRISBANE, known: false });
    expect(resolveZone('Perth')).toEqual({ zone: 'Australia/Perth', known: true });
  });
});

describe('wallClock', () => {
  it.each([
    ['Australia/Brisbane', '2025-09-18T02:00:00Z', '2025-09-18 12:00:00'],
    ['Australia/Brisbane', '2025-09-17T14:00:00Z', '2025-09-18 00:00:00'],
    ['Australia/Sydney', '2025-10-04T15:59:59Z', '2025-10-05 01:59:59'],
    ['Australia/Sydney', '2025-10-04T16:00:00Z', '2025-10-05 03:00:00'],
    ['Australia/Sydney', '2026-04-04T15:30:00Z', '2026-04-05 02:30:00'],
    ['Australia/Sydney', '2026-04-04T16:30:00Z', '2026-04-05 02:30:00'],
    ['Australia/Adelaide', '2025-09-18T02:00:00Z', '2025-09-18 11:30:00'],
    ['Australia/Darwin', '2025-12-18T02:00:00Z', '2025-12-18 11:30:00'],
    ['Australia/Perth', '2025-09-18T02:00:00Z', '2025-09-18 10:00:00'],
    ['Australia/Hobart', '2025-12-18T02:00:00Z', '2025-12-18 13:00:00'],
    ['Australia/Lord_Howe', '2025-10-04T15:30:00Z', '2025-10-05 02:30:00'],
    ['Pacific/Auckland', '2025-09-27T14:00:00Z', '2025-09-28 03:00:00'],
    ['Pacific/Chatham', '2025-09-18T02:00:00Z', '2025-09-18 14:45:00'],
    ['Australia/Brisbane', '2024-02-28T14:30:00Z', '2024-02-29 00:30:00'],
  ])('reads in %s at %s as %s', (zone, instant, expected) => {
    expect(wallClock(micros(instant), zone)).toBe(expected);
  });

  it.each([
    [micros('2025-09-18T02:00:00Z') + 999_999, '2025-09-18 12:00:00'],
    [micros('2025-09-18T02:00:01Z') - 1, '2025-09-18 12:00:00'],
    [-1, '1970-01-01 09:59:59'],
    [-1_000_000, '1970-01-01 09:59:59'],
    [-1_000_001, '1970-01-01 09:59:58'],
  ])('cuts %d microseconds to the second that holds it', (instant, expected) => {
    expect(wallClock(instant, BRISBANE)).toBe(expected);
  });

  it('has a year of four digits for every instant that a safe integer holds', () => {
    expect(wallClock(Number.MAX_SAFE_INTEGER, 'Etc/UTC')).toBe('2255-06-05 23:47:34');
    expect(wallClock(Number.MIN_SAFE_INTEGER, 'Etc/UTC')).toBe('1684-07-28 00:12:25');
  });

  it('keeps the seconds of local mean time', () => {
    expect(wallClock(micros('1890-01-01T00:00:00Z'), BRISBANE)).toBe('1890-01-01 10:12:08');
  });

  it('is what the platform says, for any instant from 1990 to 2100 and every zone', () => {
    const seconds = fc.integer({ min: Date.UTC(1990) / 1_000, max: Date.UTC(2100) / 1_000 });
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), seconds, (zone, at) => {
        expect(wallClock(at * 1_000_000, zone)).toBe(platformWallClock(at, zone));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['Australia/Sydney', '2025-10-04T16:00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
    ['Pacific/Chatham', '2025-09-27T14:00:00Z'],
    ['America/St_Johns', '2010-11-07T02:31:00Z'],
    ['Asia/Gaza', '2015-03-27T22:00:00Z'],
    ['Pacific/Apia', '2011-12-30T10:00:00Z'],
    ['Africa/Casablanca', '2025-02-23T02:00:00Z'],
  ])('is what the platform says for every minute around the change of %s at %s', (zone, change) => {
    const start = Date.parse(change) / 1_000 - 86_400;
    for (let at = start; at < start + 2 * 86_400; at += 60) {
      expect(wallClock(at * 1_000_000, zone)).toBe(platformWallClock(at, zone));
    }
  });

  it('still answers right after more days than it remembers', () => {
    for (let day = 0; day < 8_500; day += 1) wallClock(day * 86_400_000_000, 'Australia/Melbourne');

    expect(wallClock(micros('2025-12-18T02:00:00Z'), 'Australia/Melbourne')).toBe('2025-12-18 13:00:00');
  });
});
