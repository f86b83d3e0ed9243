/** The project's documents (Markdown), and what tests look for in them: fenced blocks by language, headings as link targets. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Document {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Block {
  readonly path: string;
  /** 1-based line of the first line inside. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** All Markdown files at the root and under docs/. */
export const DOCUMENTS: readonly Document[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
  .sort()
  .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }));

/** Reads a file of the project; null when there is none. */
export function projectFile(path: string): string | null {
  try {
    return readFileSync(ROOT + path, 'utf8');
  } catch {
    return null;
  }
}

/** The fenced blocks of a document, in order. A fence inside of a list is taken without its indent. */
export function blocksOf({ path, text }: Document): Block[] {
  const blocks: Block[] = [];
  let open: { indent: number; line: number; language: string; lines: string[] } | null = null;
  text.split('\n').forEach((row, index) => {
    const fence = /^( *)```(.*)$/.exec(row);
    if (open === null && fence !== null) {
      open = { indent: fence[1]?.length ?? 0, line: index + 2, language: fence[2]?.trim() ?? '', lines: [] };
    } else if (open !== null && fence !== null) {
      blocks.push({ path, line: open.line, language: open.language, text: `${open.lines.join('\n')}\n` });
      open = null;
    } else open?.lines.push(row.slice(open.indent));
  });
  return blocks;
}

/** The targets that a document's headings give, as GitHub spells them: lower case, hyphens for blanks, no punctuation. */
export function anchorsOf(document: Document): ReadonlySet<string> {
  const text = withoutBlocks(document.text);
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The text without what stands in fences. */
export function withoutBlocks(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```$/gm, '');
}
