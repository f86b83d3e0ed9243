/**
 * How the text of one environment variable becomes a value. A parser says what it allows in words, which the documents and the
 * problems show, and gives a value or nothing. It knows neither the variable's name nor its default, and reads nothing else.
 */
import { isIP } from 'node:net';
import { Secret } from '../lib/secret.ts';

export interface Parser<T> {
  /** Completes "must be …" in a problem and stands in the documents. */
  readonly allowed: string;
  /** The value, or null when the text is not allowed. The text is never empty. */
  parse(text: string): { readonly value: T } | null;
}

const ok = <T>(value: T): { value: T } => ({ value });

/** A whole number from `least` to `most`, in plain decimal digits. */
export function integer(least: number, most: number): Parser<number> {
  return {
    allowed: `a whole number, ${least} to ${most}`,
    parse(text) {
      if (!/^\d{1,15}$/.test(text)) return null;
      const value = Number(text);
      return value >= least && value <= most ? ok(value) : null;
    },
  };
}

/** `true` or `false`, nothing else: a switch that is misread is worse than one that is refused. */
export const bool: Parser<boolean> = {
  allowed: '`true` or `false`',
  parse: (text) => (text === 'true' ? ok(true) : text === 'false' ? ok(false) : null),
};

/** One of the words given. */
export function oneOf<const W extends string>(...words: readonly W[]): Parser<W> {
  return {
    allowed: words.map((word) => `\`${word}\``).join(' or '),
    parse(text) {
      const word = words.find((each) => each === text);
      return word === undefined ? null : ok(word);
    },
  };
}

/** Words of the list given, comma separated, none twice; the value is in the list's order, not the text's. */
export function someOf<const W extends string>(...words: readonly W[]): Parser<readonly W[]> {
  return {
    allowed: `comma separated, of ${words.map((word) => `\`${word}\``).join(', ')}, none twice`,
    parse(text) {
      const parts = text.split(',').map((part) => part.trim());
      if (new Set(parts).size !== parts.length) return null;
      if (parts.some((part) => !words.some((word) => word === part))) return null;
      return ok(Object.freeze(words.filter((word) => parts.includes(word))));
    },
  };
}

/** Integers of a database enum, comma separated, kept as decimal text. */
export const enumIntegers: Parser<readonly string[]> = {
  allowed: 'whole numbers, comma separated',
  parse(text) {
    const parts = text.split(',').map((part) => part.trim());
    return parts.every((part) => /^(0|-?[1-9]\d{0,9})$/.test(part)) ? ok(Object.freeze(parts)) : null;
  },
};

/** Any text. */
export const plainText: Parser<string> = { allowed: 'text', parse: ok };

/** Any text, which is never shown. */
export const secretText: Parser<Secret> = { allowed: 'text', parse: (text) => ok(new Secret(text)) };

/** PEM text; only its first line is looked at here, TLS itself checks the rest. */
export const pem: Parser<string> = {
  allowed: 'PEM text (`-----BEGIN …`)',
  parse: (text) => (text.trimStart().startsWith('-----BEGIN ') ? ok(text) : null),
};

/** As `pem`, never shown. */
export const secretPem: Parser<Secret> = {
  allowed: pem.allowed,
  parse: (text) => (pem.parse(text) === null ? null : ok(new Secret(text))),
};

/** Keys of 32 bytes in base64, comma separated, none twice; never shown. */
export const sealKeys: Parser<readonly Secret[]> = {
  allowed: '32 bytes in base64 (`openssl rand -base64 32`); several comma separated, of which the first one seals',
  parse(text) {
    const parts = text.split(',').map((part) => part.trim());
    const fit = parts.every((part) => /^[A-Za-z0-9+/]{43}=$/.test(part));
    return fit && new Set(parts).size === parts.length
      ? ok(Object.freeze(parts.map((part) => new Secret(part))))
      : null;
  },
};

/** Places of records, comma separated. */
export const recordPlaces: Parser<readonly string[]> = {
  allowed: '`topic/partition/offset`, comma separated',
  parse(text) {
    const parts = text.split(',').map((part) => part.trim());
    const isPlace = (part: string): boolean => /^[a-zA-Z0-9._-]{1,249}\/\d{1,9}\/\d{1,15}$/.test(part);
    return parts.every(isPlace) ? ok(Object.freeze(parts)) : null;
  },
};

/** CIDRs, comma separated. */
export const addressRanges: Parser<readonly string[]> = {
  allowed: 'CIDRs such as `10.1.0.0/16`, comma separated',
  parse(text) {
    const parts = text.split(',').map((part) => part.trim());
    return parts.every(isCidr) ? ok(Object.freeze(parts)) : null;
  },
};

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  const family = isIP(address);
  return (
    family !== 0 &&
    !address.includes('%') &&
    more === undefined &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (family === 4 ? 32 : 128)
  );
}

/** A name that Kafka takes for a topic, a group or a transactional id: at most `lengthMax` of its letters. */
export function kafkaName(lengthMax: number): Parser<string> {
  return {
    allowed: `1 to ${lengthMax} of the letters \`a-z A-Z 0-9 . _ -\``,
    parse(text) {
      const fits = /^[a-zA-Z0-9._-]+$/.test(text) && text.length <= lengthMax && text !== '.' && text !== '..';
      return fits ? ok(text) : null;
    },
  };
}

/** `host:port` pairs, comma separated, none twice; IPv6 addresses in brackets. */
export const brokerList: Parser<readonly string[]> = {
  allowed: '`host:port`, comma separated, none twice',
  parse(text) {
    const parts = text.split(',').map((part) => part.trim());
    if (new Set(parts).size !== parts.length) return null;
    return parts.every(isHostAndPort) ? ok(Object.freeze(parts)) : null;
  },
};

function isHostAndPort(text: string): boolean {
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[1] ?? 0);
  return port >= 1 && port <= 65_535;
}

/**
 * `name=value` pairs, comma separated, no name twice; values are printable ASCII and may hold further `=`.
 * @param name what a name may be
 * @param allowed the whole in words
 */
export function pairs(name: RegExp, allowed: string): Parser<ReadonlyMap<string, string>> {
  return {
    allowed,
    parse(text) {
      const found = new Map<string, string>();
      for (const part of text.split(',')) {
        const [, key = '', value = ''] = /^\s*([^=\s]+)=([\x20-\x7e]+?)\s*$/.exec(part) ?? [];
        if (!name.test(key) || found.has(key)) return null;
        found.set(key, value);
      }
      return ok(found);
    },
  };
}

/** A region of AWS; it becomes part of a host name. */
export const awsRegion: Parser<string> = {
  allowed: 'a region such as `ap-southeast-2`',
  parse: (text) => (/^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/.test(text) ? ok(text) : null),
};

/** An http or https URL without user name, query or fragment; a trailing slash is cut. */
export const serviceUrl: Parser<string> = {
  allowed: 'an `http://` or `https://` URL without user name, query or fragment',
  parse(text) {
    const url = URL.parse(text);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return null;
    return ok(url.href.replace(/\/+$/, ''));
  },
};

/** Since when changes are loud (docs/sources.md). */
export type AnnounceSince =
  | { readonly rule: 'first-start' }
  | { readonly rule: 'beginning' }
  /** `atMs`: milliseconds since the epoch. */
  | { readonly rule: 'instant'; readonly atMs: number };

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** `first-start`, `beginning`, or an ISO instant; one without a zone could mean several, so it is refused. */
export const announceSince: Parser<AnnounceSince> = {
  allowed: '`first-start`, `beginning`, or an instant with its zone such as `2026-02-01T00:00:00Z`',
  parse(text) {
    if (text === 'first-start' || text === 'beginning') return ok(Object.freeze({ rule: text }));
    const match = INSTANT.exec(text);
    const [year = 0, month = 0, day = 0] = match?.slice(1, 4).map(Number) ?? [];
    // Date.parse makes 2 March of 30 February.
    const dayExists = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
    const atMs = Date.parse(text);
    return match !== null && dayExists && !Number.isNaN(atMs) ? ok(Object.freeze({ rule: 'instant', atMs })) : null;
  },
};
