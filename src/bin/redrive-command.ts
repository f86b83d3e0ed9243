/** The doing `redrive` of `dead-letters`: chooses, asks, waits, and says what happened. */
import { redrivable } from '../kafka/letter.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { Config } from '../ops/config.ts';
import type { Arguments } from './arguments.ts';
import { columns } from './columns.ts';
import { type Context, loadConfig, outJson, UsageError } from './command.ts';
import { filterOf, type LetterFilter, nameOf, readLetters } from './letters.ts';
import { wholeNumber } from './option-values.ts';
import { type Reading, reading } from './reading.ts';
import { Selection } from './redrive-selection.ts';
import { type Asked, askFor, type Fate, fates, lettersSince } from './redriving.ts';

const RATE = 100;
const SETTLED: ReadonlySet<Fate> = new Set(['delivered', 'newer-delivered']);

interface Outcome {
  readonly dryRun: boolean;
  readonly selection: Selection;
  readonly asked: readonly Asked[];
  /** Null without `--wait`. */
  readonly fates: ReadonlyMap<Asked, Fate> | null;
}

/** @throws UsageError when neither a place nor a filter nor `--all` is given. */
export async function redrive(context: Context, args: Arguments): Promise<number> {
  const filter = filterOf(args, args.words[0], clock.now());
  const isBounded = Object.values(filter).some((value) => value !== null);
  if (!isBounded && !args.has('all')) throw new UsageError('a place, a filter or --all is needed');
  if (isBounded && args.has('all')) throw new UsageError('--all takes no place and no filter');
  const rate = wholeNumber(args, 'rate', 1) ?? RATE;
  const wait = wholeNumber(args, 'wait', 1);
  const config = loadConfig(context);
  const { deadLetters, redrives, deliveryState } = config.topics;
  const dryRun = args.has('dry-run');
  const reads = wait === null ? [deadLetters] : [deadLetters, deliveryState];
  const outcome = await reading(config, 'redrive', { reads, writes: dryRun ? [] : [redrives] }, async (from) => {
    const selection = await select(from, config, filter, args.has('every'));
    if (dryRun) return { dryRun, selection, asked: [], fates: null };
    const before = await from.fetcher.offsets(deadLetters, from.signal);
    const asked = await askFor(from, config, selection.chosen, { rate, clock });
    if (wait === null) return { dryRun, selection, asked, fates: null };
    const ends = new Map(before.map(({ partition, lastStable }) => [partition, lastStable]));
    const newLetters = () => lettersSince(from, deadLetters, ends);
    const found = await fates(from, config, asked, { deadline: clock.now() + wait * 1000, clock, newLetters });
    return { dryRun, selection, asked, fates: found };
  });
  return report(context, args, outcome);
}

async function select(from: Reading, config: Config, filter: LetterFilter, every: boolean): Promise<Selection> {
  const selection = new Selection(every);
  const now = clock.now();
  await readLetters(from, config.topics.deadLetters, filter, (letter, record) => {
    const can = redrivable(record, now);
    selection.add(letter, 'not' in can ? can.not : null);
  });
  return selection;
}

function report(context: Context, args: Arguments, outcome: Outcome): number {
  const { dryRun, selection, asked, fates: found } = outcome;
  const { chosen, left } = selection;
  const cannot = left.filter(({ final }) => final);
  const unsettled = [...(found?.values() ?? [])].filter((fate) => !SETTLED.has(fate)).length;
  const ok = cannot.length === 0 && unsettled === 0;
  if (args.has('json')) {
    const named =
      found === null ? asked.map((one) => ({ one, fate: null })) : Array.from(found, ([one, fate]) => ({ one, fate }));
    outJson(context, {
      ok,
      dryRun,
      chosen: chosen.map(nameOf),
      asked: named.map(({ one, fate }) => ({ place: nameOf(one.letter), request: nameOf(one.request), fate })),
      left: left.map(({ letter, not }) => ({ place: nameOf(letter), code: letter.code, why: not })),
    });
    return ok ? 0 : 1;
  }
  for (const { letter, not } of left) context.out(`${nameOf(letter)} ${not}`);
  if (dryRun) {
    const rows = chosen.map((letter) => [nameOf(letter), letter.endpoint, letter.lead, letter.revision, letter.code]);
    if (rows.length > 0)
      for (const line of columns(['PLACE', 'ENDPOINT', 'LEAD', 'REVISION', 'CODE'], rows)) context.out(line);
    context.out(`${chosen.length} would be asked for, ${left.length} not`);
    return ok ? 0 : 1;
  }
  context.out(`${asked.length} asked for, ${left.length} not`);
  if (found !== null) for (const line of fateLines(found)) context.out(line);
  return ok ? 0 : 1;
}

/** One line for each that needs a look, and the numbers. */
function fateLines(found: ReadonlyMap<Asked, Fate>): string[] {
  const counts = new Map<Fate, number>();
  const lines: string[] = [];
  for (const [{ letter }, fate] of found) {
    counts.set(fate, (counts.get(fate) ?? 0) + 1);
    if (!SETTLED.has(fate)) lines.push(`${nameOf(letter)} ${letter.endpoint} ${letter.lead}: ${fate}`);
  }
  return [...lines, Array.from(counts, ([fate, count]) => `${count} ${fate}`).join(', ') || 'nothing to wait for'];
}
