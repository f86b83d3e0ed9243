/**
 * Which zone a dealership's time-zone name means, and an instant's wall clock there. Names come from outside and may be
 * anything, so every name has an answer and the caches are bounded; they remember pure results only. Offsets come from the
 * platform's tz database through luxon, which is too slow to ask for every appointment: days without a change of offset
 * are remembered.
 */
import { IANAZone } from 'luxon';
import { RAILS_ZONES } from './rails-zones.ts';

export interface ResolvedZone {
  /** An IANA name that the platform accepts. */
  readonly zone: string;
  /** False when the name means nothing to us and the default stands in: counted and logged by the caller (A24). */
  readonly known: boolean;
}

/** The zone of a dealership that has none. */
export const DEFAULT_ZONE = 'Australia/Brisbane';

const DEFAULT: ResolvedZone = { zone: DEFAULT_ZONE, known: true };
const UNKNOWN: ResolvedZone = { zone: DEFAULT_ZONE, known: false };

/** Longer names are unknown without a look: the longest that exists has 38 characters. */
const MAX_NAME_LENGTH = 64;
const MAX_NAMES = 2_000;

/** Names of the tz database that have no area. The platform accepts more (`JST`, offsets), which are no IANA names. */
const IANA_WITHOUT_AREA = new Set(
  (
    'CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran ' +
    'Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK ' +
    'Singapore Turkey UCT UTC Universal W-SU WET Zulu'
  )
    .toLowerCase()
    .split(' '),
);

const resolvedZones = new Map<string, ResolvedZone>();

/**
 * Resolves a dealership's time-zone name (A24): none or blank is Australia/Brisbane; a Rails name, spelled as Rails does,
 * is looked up; an IANA name, aliases included and in any case, is taken; anything else, offsets such as `+10:00` included,
 * is Australia/Brisbane and not known. Never throws.
 */
export function resolveZone(name: string | null): ResolvedZone {
  if (name === null) return DEFAULT;
  const found = resolvedZones.get(name);
  if (found !== undefined) return found;
  const resolved = lookUp(name);
  if (name.length > MAX_NAME_LENGTH) return resolved;
  if (resolvedZones.size >= MAX_NAMES) resolvedZones.clear();
  resolvedZones.set(name, resolved);
  return resolved;
}

function lookUp(name: string): ResolvedZone {
  if (name.trim() === '') return DEFAULT;
  if (name.length > MAX_NAME_LENGTH) return UNKNOWN;
  const zone = platformName(RAILS_ZONES.get(name) ?? name);
  return zone === null ? UNKNOWN : { zone, known: true };
}

/** The platform's spelling of an IANA name, or null for what is none. */
function platformName(name: string): string | null {
  const lower = name.toLowerCase();
  const hasArea = /^[a-z]+\/[a-z]/.test(lower) && !lower.startsWith('systemv/');
  if (!hasArea && !IANA_WITHOUT_AREA.has(lower)) return null;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null; // The platform's way to say that it does not know the name.
  }
}

const DAY_SECONDS = 86_400;
/** Remembered days per zone: 20 years around the appointments of today. */
const MAX_DAYS = 8_000;
const MAX_ZONES = 600;

/** Per zone: day since the epoch → the offset in seconds that holds all day, or null on a day with a change. */
const offsetsOfZone = new Map<string, Map<number, number | null>>();

/**
 * The wall clock of an instant in a zone, as `YYYY-MM-DD HH:MM:SS` with hours 00 to 23. `micros` counts microseconds since
 * the epoch and must be a safe integer, so the year always has four digits; fractions of a second are cut off, before 1970
 * too. `zone` is a name that `resolveZone` gave.
 */
export function wallClock(micros: number, zone: string): string {
  const seconds = Math.floor(micros / 1_000_000);
  const local = seconds + offsetSeconds(seconds, zone);
  const iso = new Date(local * 1_000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

function offsetSeconds(seconds: number, zone: string): number {
  let offsets = offsetsOfZone.get(zone);
  if (offsets === undefined) {
    if (offsetsOfZone.size >= MAX_ZONES) offsetsOfZone.clear();
    offsets = new Map();
    offsetsOfZone.set(zone, offsets);
  }
  const day = Math.floor(seconds / DAY_SECONDS);
  let offset = offsets.get(day);
  if (offset === undefined) {
    if (offsets.size >= MAX_DAYS) offsets.clear();
    offset = offsetOfDay(day, zone);
    offsets.set(day, offset);
  }
  return offset ?? platformOffset(seconds, zone);
}

/** No zone changes its offset and changes it back within a day, so equal ends mean one offset. */
function offsetOfDay(day: number, zone: string): number | null {
  const start = platformOffset(day * DAY_SECONDS, zone);
  return start === platformOffset((day + 1) * DAY_SECONDS - 1, zone) ? start : null;
}

/** luxon counts in minutes, and as a fraction where a zone kept local mean time. */
function platformOffset(seconds: number, zone: string): number {
  return Math.round(IANAZone.create(zone).offset(seconds * 1_000) * 60);
}
