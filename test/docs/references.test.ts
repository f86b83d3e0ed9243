/** What documents refer to exists: files, headings, tests by their titles, decisions by their numbers. */
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { METRIC_PREFIX, METRICS } from '../../src/ops/metric-table.ts';
import { anchorsOf, DOCUMENTS, projectFile, withoutBlocks } from '../support/documents.ts';

const SEMANTICS = DOCUMENTS.find(({ path }) => path === 'docs/semantics.md');
const PAYLOADS = DOCUMENTS.find(({ path }) => path === 'docs/payloads.md');

test('every relative link leads to a file or folder, and its heading exists there', () => {
  const links = DOCUMENTS.flatMap(({ path, text }) =>
    [...withoutBlocks(text).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map((match) => ({
      from: path,
      to: match[1] ?? '',
    })),
  );
  expect(links.length).toBeGreaterThan(20);
  const broken = links.filter(({ from, to }) => {
    const [file = '', heading] = to.split('#');
    const path = file === '' ? from : posix.join(posix.dirname(from), file);
    const target = DOCUMENTS.find((document) => document.path === path);
    if (heading === undefined) return target === undefined && projectFile(path) === null;
    return target === undefined || !anchorsOf(target).has(heading);
  });
  expect(broken).toEqual([]);
});

test('every metric that a document names is one of the program', () => {
  const known = new Set(METRICS.map(({ name }) => METRIC_PREFIX + name));
  const named = DOCUMENTS.flatMap(({ path, text }) =>
    [...text.matchAll(/\blead_webhooks_[a-z_]*[a-z]\b/g)].map(([name]) => ({ path, name })),
  );
  expect(named.length).toBeGreaterThan(60);
  expect(named.filter(({ name }) => !known.has(name))).toEqual([]);
});

test('every test that the semantics name is in its file', () => {
  const proofs = [...(SEMANTICS?.text ?? '').matchAll(/^- `(test\/[\w./-]+)`([^\n]*(?:\n {2}[^\n]*)*)/gm)].flatMap(
    ([, file = '', rest = '']) => [...rest.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  );
  expect(proofs.length).toBeGreaterThan(30);
  const missing = proofs.filter(({ file, title }) => {
    const text = projectFile(file) ?? '';
    return !["'", '"', '`'].some((quote) => text.includes(`(${quote}${title}${quote}`));
  });
  expect(missing).toEqual([]);
});

test('every proof in the semantics quotes at least one title', () => {
  const bare = [...(SEMANTICS?.text ?? '').matchAll(/^- `test\/[^\n]*(?:\n {2}[^\n]*)*/gm)]
    .map(([proof]) => proof)
    .filter((proof) => !proof.includes('"'));
  expect(bare).toEqual([]);
});

test('the payload decisions are numbered A1 to A42, each once and in order', () => {
  const numbers = [...(PAYLOADS?.text ?? '').matchAll(/^- \*\*A(\d+)\*\* /gm)].map(([, number]) => Number(number));
  expect(numbers).toEqual(Array.from({ length: 42 }, (_, index) => index + 1));
});

test('decisions have a number of their own, a title with it, and at most sixty lines', () => {
  const decisions = DOCUMENTS.filter(({ path }) => path.startsWith('docs/decisions/'));
  const numbers = decisions.map(({ path }) => path.slice('docs/decisions/'.length).split('-')[0]);
  expect(new Set(numbers).size).toBe(decisions.length);
  for (const { path, text } of decisions) {
    expect(text, path).toMatch(new RegExp(`^# ${posix.basename(path).split('-')[0]} \\S`));
    expect(text.split('\n').length, path).toBeLessThanOrEqual(61);
  }
});
