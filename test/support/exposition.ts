/** Metrics as they are scraped and as docs/operating.md lists them, in one form, so that the two can be compared. */
import { DOCUMENTS } from './documents.ts';

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** What was scraped: every family, and for each that has samples the label names of all of them. */
export interface Scraped {
  readonly families: readonly Family[];
  readonly samples: ReadonlyMap<string, readonly string[]>;
}

const PREFIX = 'lead_webhooks_';

/** Reads Prometheus' text format. Throws on a sample whose label names are not those of the one before it in its family. */
export function readExposition(text: string): Scraped {
  const helps = new Map(Array.from(text.matchAll(/^# HELP (\S+) (.*)$/gm), ([, name = '', help = '']) => [name, help]));
  const families = Array.from(text.matchAll(/^# TYPE (\S+) (\w+)$/gm), ([, name = '', type = '']) => {
    return { name, type, help: helps.get(name) ?? '' };
  });
  const types = new Map(families.map(({ name, type }) => [name, type]));
  const samples = new Map<string, readonly string[]>();
  for (const [, sample = '', shown = ''] of text.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
    const base = sample.replace(/_(bucket|sum|count)$/, '');
    const name = types.get(base) === 'histogram' ? base : sample;
    const labels = Array.from(shown.matchAll(/(\w+)="/g), ([, label = '']) => label).filter((label) => label !== 'le');
    const known = samples.get(name) ?? labels;
    if (!types.has(name) || known.join() !== labels.join()) throw new Error(`${sample}{${shown}} fits no family`);
    samples.set(name, labels);
  }
  return { families, samples };
}

const OPERATING = DOCUMENTS.find(({ path }) => path === 'docs/operating.md')?.text ?? '';
const TABLE = /<!-- metrics:begin -->([\s\S]*?)<!-- metrics:end -->/.exec(OPERATING)?.[1] ?? '';

/** The table of docs/operating.md, with the label names that it says. */
export const DOCUMENTED: readonly (Family & { readonly labels: readonly string[] })[] = Array.from(
  TABLE.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm),
  ([, name = '', type = '', labels = '', help = '']) => {
    return { name, type, labels: Array.from(labels.matchAll(/`(\w+)`/g), ([, label = '']) => label), help };
  },
);

/** The metrics of which docs/operating.md says that they have no sample until something has gone wrong. */
export const ONLY_WITH_TROUBLE: readonly string[] = Array.from(
  (/No sample until[^\n]*\n(?:[^\n]+\n)*/.exec(OPERATING)?.[0] ?? '').matchAll(/`(\w+)`/g),
  ([, name = '']) => PREFIX + name.replace(PREFIX, ''),
);
