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
  return new Scanner(text, true).topMembers();
}

/** As `members`, but each value is the slice of `text` as written: for a caller that takes it apart further. */
export function rawMembers(text: string): Map<string, string> | null {
  return new Scanner(text, false).topMembers();
}

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
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const SIMPLE_ESCAPES = '"\\/bfnrt';
const FOUR_HEX_DIGITS = /^[0-9a-fA-F]{4}$/;

/**
 * One pass over one text. While respelling, what is read is copied lazily: `#out` holds the value so far and
 * `#copied` is where the part not yet copied begins, so a value that is compact already costs one slice.
 * Past the end charCodeAt gives NaN, which fails every comparison below.
 */
class Scanner {
  readonly #text: string;
  readonly #respell: boolean;
  /** Text with lone surrogates needs every string respelled, because JSON.stringify escapes them. */
  readonly #wellFormed: boolean;
  #at = 0;
  #out = '';
  #copied = 0;

  constructor(text: string, respell: boolean) {
    this.#text = text;
    this.#respell = respell;
    this.#wellFormed = text.isWellFormed();
  }

  whole(): string | null {
    this.#space();
    this.#begin();
    if (!this.#value(0)) return null;
    const fragment = this.#taken();
    return this.#atEnd() ? fragment : null;
  }

  topMembers(): Map<string, string> | null {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== OPEN_BRACE) return null;
    const into = new Map<string, string>();
    return this.#object(1, into) && this.#atEnd() ? into : null;
  }

  #atEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
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

  #space(): void {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (let code = text.charCodeAt(at); code <= SPACE; code = text.charCodeAt(at)) {
      if (code !== SPACE && code !== NEWLINE && code !== RETURN && code !== TAB) break;
      at++;
    }
    if (at === start) return;
    this.#at = at;
    if (this.#respell) this.#replace(start, at, '');
  }

  #value(depth: number): boolean {
    switch (this.#text.charCodeAt(this.#at)) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return depth < MAX_DEPTH && this.#object(depth + 1, null);
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

  /** Reads an object; with `into`, keeps its members there. */
  #object(depth: number, into: Map<string, string> | null): boolean {
    this.#at++;
    this.#space();
    if (this.#skip(CLOSE_BRACE)) return true;
    for (;;) {
      const keyStart = this.#at;
      if (this.#text.charCodeAt(keyStart) !== QUOTE || !this.#string()) return false;
      const keyEnd = this.#at;
      this.#space();
      if (!this.#skip(COLON)) return false;
      this.#space();
      if (into !== null) this.#begin();
      if (!this.#value(depth)) return false;
      if (into !== null) into.set(stringOf(this.#text.slice(keyStart, keyEnd)), this.#taken());
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
    if (this.#text.charCodeAt(this.#at) !== code) return false;
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
    let at = start + 1;
    let plain = this.#wellFormed;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      if (code === BACKSLASH) {
        const length = escapeLength(text, at);
        if (length === 0) return false;
        at += length;
        plain = false;
      } else if (code >= SPACE) {
        at++;
      } else {
        return false; // a control character, or NaN: the end
      }
    }
    this.#at = at + 1;
    if (!plain && this.#respell) {
      this.#replace(start, at + 1, JSON.stringify(JSON.parse(text.slice(start, at + 1))));
    }
    return true;
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
    let at = start;
    for (let code = this.#text.charCodeAt(at); code >= ZERO && code <= NINE; code = this.#text.charCodeAt(at)) at++;
    this.#at = at;
    return at > start;
  }
}

/** Length of the escape that the backslash at `at` begins; 0 = no legal escape. */
function escapeLength(text: string, at: number): number {
  if (text.charCodeAt(at + 1) === LOWER_U) return FOUR_HEX_DIGITS.test(text.slice(at + 2, at + 6)) ? 6 : 0;
  return at + 1 < text.length && SIMPLE_ESCAPES.includes(text.charAt(at + 1)) ? 2 : 0;
}
