/** The project's files as the rules see them: text, text without comments and strings, imports. Reads, judges nothing. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { mask } from './mask.ts';

const NOT_OURS = new Set(['.git', 'node_modules', '.cache', 'coverage']);
/** Larger files are data. */
const BYTES_MAX = 1024 * 1024;

export interface TreeFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** For TypeScript and JavaScript: `text` through mask(); for others the text. */
  readonly code: string;
  /** Specifiers of static and dynamic imports and re-exports; relative ones as paths from the project's root. */
  readonly imports: readonly string[];
}

export class Tree {
  readonly files: readonly TreeFile[];
  readonly #byPath: ReadonlyMap<string, TreeFile>;

  constructor(files: readonly TreeFile[]) {
    this.files = files;
    this.#byPath = new Map(files.map((file) => [file.path, file]));
  }

  get(path: string): TreeFile | undefined {
    return this.#byPath.get(path);
  }

  /** Program files (ts, mjs) under any of `folders`. */
  code(...folders: readonly string[]): TreeFile[] {
    return this.files.filter((file) => isCode(file.path) && folders.some((folder) => file.path.startsWith(folder)));
  }
}

/** A tree from path → text: for bad examples. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return new Tree(Object.entries(files).map(([path, text]) => treeFile(path, text)));
}

/** Everything under `root` that is text and ours. */
export function readTree(root: string): Tree {
  const paths = list(root, '').filter((path) => statSync(join(root, path)).size <= BYTES_MAX);
  const files = paths.map((path) => treeFile(path, readFileSync(join(root, path), 'utf8')));
  return new Tree(files.filter((file) => !file.text.includes('\0')));
}

function list(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return list(root, path);
    return entry.isFile() ? [path] : [];
  });
}

function treeFile(path: string, text: string): TreeFile {
  if (!isCode(path)) return { path, text, code: text, imports: [] };
  const code = mask(text);
  return { path, text, code, imports: importsOf(path, text, code) };
}

function isCode(path: string): boolean {
  return /\.(ts|mjs)$/.test(path);
}

/** `new URL('x.ts', import.meta.url)` counts: that is how a worker or a child program is named. */
function importsOf(path: string, text: string, code: string): string[] {
  const starts = code.matchAll(/\b(?:from|import)\s*\(?\s*(['"])|\bnew URL\(\s*(['"])/g);
  return [...starts].flatMap((start) => {
    const quote = start[1] ?? start[2] ?? '';
    const from = start.index + start[0].length;
    const specifier = text.slice(from, text.indexOf(quote, from));
    const isUrl = start[2] !== undefined;
    if (isUrl && !specifier.endsWith('.ts')) return [];
    if (!specifier.startsWith('.') && !isUrl) return [specifier];
    return [posix.join(posix.dirname(path), specifier)];
  });
}
