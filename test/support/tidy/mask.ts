/**
 * Blanks out what is not code, so that a plain pattern finds calls and not words in comments or texts. Every character
 * keeps its place: an index into the masked text is one into the file. Quotes stay, what is between them does not; code
 * inside `${}` of a template stays. Regular expressions are told from divisions by what stands before them, which is right
 * for formatted code.
 */

/** The same text with comments, the insides of strings and regular expressions as blanks. Line breaks stay. */
export function mask(text: string): string {
  const out = text.split('');
  const state: State = { at: 0, depths: [], depth: 0 };
  while (state.at < text.length) step(text, out, state);
  return out.join('');
}

interface State {
  at: number;
  /** Brace depth at which each open `${` ends. */
  readonly depths: number[];
  depth: number;
}

function step(text: string, out: string[], state: State): void {
  const { at } = state;
  const two = text.slice(at, at + 2);
  const one = text[at];
  if (two === '//' || (at === 0 && two === '#!')) blankTo(out, state, lineEnd(text, at));
  else if (two === '/*') blankTo(out, state, after(text, '*/', at + 2));
  else if (one === "'" || one === '"') blankInside(out, state, stringEnd(text, at));
  else if (one === '`') template(text, out, state);
  else if (one === '/' && startsRegex(text, at)) blankInside(out, state, regexEnd(text, at));
  else if (one === '}' && state.depths.at(-1) === state.depth) {
    state.depths.pop();
    state.depth -= 1;
    template(text, out, state);
  } else {
    if (one === '{') state.depth += 1;
    if (one === '}') state.depth -= 1;
    state.at += 1;
  }
}

/** From a backtick, or from the `}` that ends a `${`, to the next `${` or the closing backtick. */
function template(text: string, out: string[], state: State): void {
  let at = state.at + 1;
  while (at < text.length && text[at] !== '`') {
    if (text.startsWith('${', at)) {
      blank(out, state.at + 1, at);
      state.depth += 1;
      state.depths.push(state.depth);
      state.at = at + 2;
      return;
    }
    at += text[at] === '\\' ? 2 : 1;
  }
  blankInside(out, state, at + 1);
}

function blankTo(out: string[], state: State, end: number): void {
  blank(out, state.at, end);
  state.at = end;
}

function blankInside(out: string[], state: State, end: number): void {
  blank(out, state.at + 1, end - 1);
  state.at = end;
}

function blank(out: string[], from: number, to: number): void {
  for (let i = from; i < to && i < out.length; i += 1) if (out[i] !== '\n') out[i] = ' ';
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function after(text: string, what: string, at: number): number {
  const found = text.indexOf(what, at);
  return found < 0 ? text.length : found + what.length;
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start] && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function startsRegex(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 80), at).trimEnd();
  return before === '' || /(?:[=(,:[!&|?{};+*%<>~^]|\b(?:return|typeof|case|in|of|await|yield))$/.test(before);
}

function regexEnd(text: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}
