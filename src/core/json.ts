/**
 * Reads JSON text without going through JavaScript values, because JSON.parse turns `329.0` into 329, rounds
 * 9007199254740993 and moves numeric keys to the front, and receivers are promised that free-form JSON arrives to the
 * digit (domain A27). Everything here is strict (RFC 8259), answers null to text that is not JSON, and stops at a depth that
 * the stack surely holds. It never changes a number: the shortest spelling of one is json-number.ts.
 */

export type JsonKind = 'null' | 'bool' | 'number' | 'string' | 'object' | 'array';

/** Nesting deeper than this is refused like broken JSON: no real row comes near it, and a hostile one must not end the process. */
export const MAX_DEPTH = 256;

/**
 * The text without insignificant whitespace, strings spelled as JSON.stringify spells them; key order, repeated keys and
 * the spelling of numbers stay. Null when `text` is not one JSON value, or nests deeper than MAX_DEPTH.
 */
export function compact(text: string): string | null {
  return new Scanner(text, true).whole();
}

/**
 * The members of the object that `text` holds, values as `compact` spells them. Of a repeated key the last value stands.
 * Null when `text` is not JSON or not an object.
 */
export function members(text: string): Map<string, string> | null {
  return new Scanner(text, true).topMembers(null);
}

/** An object's members as written, and the members of those members that the caller asked for. */
export interface RawObject {
  readonly members: ReadonlyMap<string, string>;
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/**
 * As `members`, but each value is the slice of `text` as written, for a caller that takes it apart further. Members named in
 * `opened` that are objects are taken apart in the same pass.
 */
export function rawMembers(text: string, opened: ReadonlySet<string> = NONE): RawObject | null {
  const objects = new Map<string, Map<string, string>>();
  const found = new Scanner(text, false).topMembers({ names: opened, objects });
  return found === null ? null : { members: found, objects };
}

interface Opened {
  readonly names: ReadonlySet<string>;
  readonly objects: Map<string, Map<string, string>>;
}

const NONE: ReadonlySet<string> = new Set();

/** What a JSON value is, told from its first character. `fragment` must be JSON without leading whitespace. */
export function kindOf(fragment: string): JsonKind {
  switch (fragment.charCodeAt(0)) {
    case QUOTE:
      return 'string';
    case OPEN_BRACE:
      return 'object';
    case OPEN_BRACKET:
      return 'array';
    case LOWER_N:
      return 'null';
    case LOWER_T:
    case LOWER_F:
      return 'bool';
    default:
      return 'number';
  }
}

/** The characters that a JSON string stands for. `fragment` must be a JSON string, quotes included. */
export function stringOf(fragment: string): string {
  return fragment.includes('\\') ? (JSON.parse(fragment) as string) : fragment.slice(1, -1);
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_B = 0x62;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_R = 0x72;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const FOUR_HEX_DIGITS = /^[0-9a-fA-F]{4}$/;

/** Illegal inside strings; outside them only tab, newline and carriage return are legal, and those the scanner sees. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const CONTROL = /[\u0000-\u001f]/;

/**
 * One pass over one text. While respelling, what is read is copied lazily: `#out` holds the value so far and
 * `#copied` is where the part not yet copied begins, so a value that is compact already costs one slice.
 * Strings are crossed with indexOf, which is several times faster than a loop over their characters.
 */
class Scanner {
  readonly #text: string;
  readonly #length: number;
  readonly #respell: boolean;
  /** Text with lone surrogates needs every string respelled, because JSON.stringify escapes them. */
  readonly #wellFormed: boolean;
  readonly #hasControls: boolean;
  #at = 0;
  #out = '';
  #copied = 0;
  /** Position of the first backslash at or after the last string that was begun; the text's length if there is none. */
  #backslash = -1;

  constructor(text: string, respell: boolean) {
    this.#text = text;
    this.#length = text.length;
    this.#respell = respell;
    this.#wellFormed = text.isWellFormed();
    this.#hasControls = CONTROL.test(text);
  }

  whole(): string | null {
    this.#blanks();
    this.#begin();
    if (!this.#value(0)) return null;
    const fragment = this.#taken();
    return this.#atEnd() ? fragment : null;
  }

  topMembers(opened: Opened | null): Map<string, string> | null {
    this.#blanks();
    const found = this.#members(opened);
    return found !== null && this.#atEnd() ? found : null;
  }

  /** As #object, but keeps the members. */
  #members(opened: Opened | null): Map<string, string> | null {
    const found = new Map<string, string>();
    if (!this.#skip(OPEN_BRACE)) return null;
    this.#blanks();
    if (this.#skip(CLOSE_BRACE)) return found;
    for (;;) {
      const keyStart = this.#at;
      if (this.#code() !== QUOTE || !this.#string()) return null;
      const key = stringOf(this.#text.slice(keyStart, this.#at));
      this.#blanks();
      if (!this.#skip(COLON)) return null;
      this.#blanks();
      const value = opened?.names.has(key) ? this.#opened(key, opened) : this.#kept();
      if (value === null) return null;
      found.set(key, value);
      this.#blanks();
      if (this.#skip(CLOSE_BRACE)) return found;
      if (!this.#skip(COMMA)) return null;
      this.#blanks();
    }
  }

  /** Reads a value of a member and gives its text. */
  #kept(): string | null {
    this.#begin();
    return this.#value(1) ? this.#taken() : null;
  }

  /** As #kept, but takes an object apart on the way. Only for slices: it does not respell. */
  #opened(key: string, opened: Opened): string | null {
    opened.objects.delete(key);
    if (this.#code() !== OPEN_BRACE) return this.#kept();
    const start = this.#at;
    const inner = this.#members(null);
    if (inner === null) return null;
    opened.objects.set(key, inner);
    return this.#text.slice(start, this.#at);
  }

  #atEnd(): boolean {
    this.#blanks();
    return this.#at === this.#length;
  }

  /** A value to be kept starts here. */
  #begin(): void {
    this.#out = '';
    this.#copied = this.#at;
  }

  /** The value that ends here. */
  #taken(): string {
    const rest = this.#text.slice(this.#copied, this.#at);
    return this.#out === '' ? rest : this.#out + rest;
  }

  /** Puts `replacement` in the place of [from, to) of the text. */
  #replace(from: number, to: number, replacement: string): void {
    this.#out += this.#text.slice(this.#copied, from) + replacement;
    this.#copied = to;
  }

  /** The character at the scanner's place; -1 at the end. */
  #code(): number {
    return this.#at < this.#length ? this.#text.charCodeAt(this.#at) : -1;
  }

  /** Crosses whitespace. */
  #blanks(): void {
    for (let code = this.#code(); code <= SPACE && isSpace(code); code = this.#code()) this.#at++;
  }

  /** Crosses whitespace inside a value that is being copied, and leaves it out of the copy. */
  #space(): void {
    const start = this.#at;
    this.#blanks();
    if (this.#respell && this.#at !== start) this.#replace(start, this.#at, '');
  }

  #value(depth: number): boolean {
    switch (this.#code()) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return depth < MAX_DEPTH && this.#object(depth + 1);
      case OPEN_BRACKET:
        return depth < MAX_DEPTH && this.#array(depth + 1);
      case LOWER_N:
        return this.#word('null');
      case LOWER_T:
        return this.#word('true');
      case LOWER_F:
        return this.#word('false');
      default:
        return this.#number();
    }
  }

  #object(depth: number): boolean {
    this.#at++;
    this.#space();
    if (this.#skip(CLOSE_BRACE)) return true;
    for (;;) {
      if (this.#code() !== QUOTE || !this.#string()) return false;
      this.#space();
      if (!this.#skip(COLON)) return false;
      this.#space();
      if (!this.#value(depth)) return false;
      this.#space();
      if (this.#skip(CLOSE_BRACE)) return true;
      if (!this.#skip(COMMA)) return false;
      this.#space();
    }
  }

  #array(depth: number): boolean {
    this.#at++;
    this.#space();
    if (this.#skip(CLOSE_BRACKET)) return true;
    for (;;) {
      if (!this.#value(depth)) return false;
      this.#space();
      if (this.#skip(CLOSE_BRACKET)) return true;
      if (!this.#skip(COMMA)) return false;
      this.#space();
    }
  }

  #skip(code: number): boolean {
    if (this.#code() !== code) return false;
    this.#at++;
    return true;
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #string(): boolean {
    const text = this.#text;
    const start = this.#at;
    let quote = text.indexOf('"', start + 1);
    if (this.#backslash <= start) this.#findBackslash(start + 1);
    let plain = this.#wellFormed;
    while (this.#backslash < quote) {
      const length = escapeLength(text, this.#backslash);
      if (length === 0) return false;
      const next = this.#backslash + length;
      this.#findBackslash(next);
      if (quote < next) quote = text.indexOf('"', next);
      plain = false;
    }
    if (quote < 0 || (this.#hasControls && CONTROL.test(text.slice(start, quote)))) return false;
    this.#at = quote + 1;
    if (!plain && this.#respell) {
      this.#replace(start, this.#at, JSON.stringify(JSON.parse(text.slice(start, this.#at))));
    }
    return true;
  }

  #findBackslash(from: number): void {
    const at = this.#text.indexOf('\\', from);
    this.#backslash = at < 0 ? this.#length : at;
  }

  #number(): boolean {
    this.#skip(MINUS);
    if (!this.#skip(ZERO) && !this.#digits()) return false;
    if (this.#skip(POINT) && !this.#digits()) return false;
    if (!this.#skip(LOWER_E) && !this.#skip(UPPER_E)) return true;
    if (!this.#skip(PLUS)) this.#skip(MINUS);
    return this.#digits();
  }

  /** At least one digit. */
  #digits(): boolean {
    const start = this.#at;
    for (let code = this.#code(); code >= ZERO && code <= NINE; code = this.#code()) this.#at++;
    return this.#at > start;
  }
}

function isSpace(code: number): boolean {
  return code === SPACE || code === NEWLINE || code === RETURN || code === TAB;
}

/** Length of the escape that the backslash at `at` begins; 0 = no legal escape. */
function escapeLength(text: string, at: number): number {
  if (at + 1 >= text.length) return 0;
  switch (text.charCodeAt(at + 1)) {
    case QUOTE:
    case BACKSLASH:
    case SLASH:
    case LOWER_B:
    case LOWER_F:
    case LOWER_N:
    case LOWER_R:
    case LOWER_T:
      return 2;
    case LOWER_U:
      return FOUR_HEX_DIGITS.test(text.slice(at + 2, at + 6)) ? 6 : 0;
    default:
      return 0;
  }
}
