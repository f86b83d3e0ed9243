/**
 * `dead-letters list`, `show` and `redrive`: what could not be used or delivered, why, and asking for it again. Lists and logs show no
 * body; `show --body` does. What a redrive may send is decided by the deliver task that owns the lead, not here.
 */
import { type Letter, readLetter, redrivable } from '../../kafka/letter.ts';
import type { KafkaRecord } from '../../kafka/record.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import type { Config } from '../../ops/config.ts';
import { type ArgumentSpec, type Arguments, readDoing } from '../arguments.ts';
import { columns, instant } from '../columns.ts';
import { type Command, type Context, loadConfig, outJson, UsageError } from '../command.ts';
import { FILTER_OPTIONS, filterOf, type LetterFilter, nameOf, placeOf, readLetters } from '../letters.ts';
import { wholeNumber } from '../option-values.ts';
import { type Reading, reading } from '../reading.ts';
import { redrive } from '../redrive-command.ts';

const LIMIT = 100;

const USAGE = `
Usage: lead-webhooks dead-letters list [FILTER] [--limit N] [--json]
       lead-webhooks dead-letters show PARTITION/OFFSET [--body] [--json]
       lead-webhooks dead-letters redrive [PARTITION/OFFSET] [FILTER] [--all] [--every] [--dry-run] [--rate N]
                                          [--wait SECONDS] [--json]

list      The newest dead letters: their place (PARTITION/OFFSET, which is what show and redrive take), when, stage,
          code, endpoint, lead, revision, attempts, the last status, and the reason. No keys of sources and no bodies.
show      One dead letter: the reason, where the original lies, and its headers.
redrive   Asks the deliver stage to deliver dead letters again: by their place, by a filter, or all. Each request
          goes through the same queue as the other deliveries of its endpoint and lead, so the order is kept, and
          what is older than a revision that the endpoint has had since is not sent. Nothing is written to the
          outbound topic. Of an endpoint and lead the newest revision alone is asked for. Dead letters of rekey and
          join cannot be redriven; each says why. A dead letter can be redriven for 30 days, and asking twice does no
          harm.

FILTER, of which all must fit:
  --endpoint ID    deliveries to this endpoint
  --lead ID        deliveries of this lead
  --stage STAGE    rekey, join or deliver
  --code CODE      refused, gave-up and so on; docs/operating.md lists them
  --since TIME     written at or after; an instant with its zone, or how long ago: 90s, 30m, 24h, 7d
  --until TIME     written before

Options:
  --limit N        list at most so many (${LIMIT}); the last line says how many there are
  --body           also the record's key and value, which are personal data
  --all            redrive without a place and without a filter
  --every          also older revisions of an endpoint and lead, in order: for endpoints with "supersede: false"
  --dry-run        say what would be asked for, and ask for nothing
  --rate N         ask for at most N a second (100); what the endpoint gets is also bounded by its own limits
  --wait SECONDS   wait until the deliveries are settled, so long at most, and say what became of each
  --json           one JSON document instead of text
  --help           this text

Used from the configuration: KAFKA_*, LEAD_WEBHOOKS_DEAD_LETTERS_TOPIC, LEAD_WEBHOOKS_REDRIVES_TOPIC and
LEAD_WEBHOOKS_DELIVERY_STATE_TOPIC.

Exit codes: 0 good, 1 show found nothing; redrive left one out that cannot be redriven, or with --wait one was not
delivered; or Kafka cannot be reached; 2 wrong usage or configuration.

Examples:
  lead-webhooks dead-letters list --endpoint orange-crm --since 24h
  lead-webhooks dead-letters show 3/1287
  lead-webhooks dead-letters redrive --endpoint orange-crm --code gave-up --dry-run
  lead-webhooks dead-letters redrive --endpoint orange-crm --rate 20 --wait 300
`;

const DOINGS = {
  list: { options: { ...FILTER_OPTIONS, limit: 'value', json: 'flag' } },
  show: { words: ['PARTITION/OFFSET'], options: { body: 'flag', json: 'flag' } },
  redrive: {
    more: 1,
    options: {
      ...FILTER_OPTIONS,
      all: 'flag',
      every: 'flag',
      'dry-run': 'flag',
      rate: 'value',
      wait: 'value',
      json: 'flag',
    },
  },
} as const satisfies Record<string, ArgumentSpec>;

export const command: Command = {
  name: 'dead-letters',
  summary: 'show what could not be used or delivered, and ask for it again',
  usage: USAGE,
  async run(context) {
    const { doing, args } = readDoing(context.args, DOINGS);
    if (doing === 'redrive') return redrive(context, args);
    const filter = filterOf(args, undefined, clock.now());
    const limit = wholeNumber(args, 'limit', 1) ?? LIMIT;
    const place = doing === 'show' ? placeOf(args.words[0] ?? '') : null;
    const config = loadConfig(context);
    const topic = config.topics.deadLetters;
    return reading(config, 'dead-letters', [topic], (from) =>
      place === null
        ? list(context, args, { from, config, filter, limit })
        : show(context, args, { from, config, place }),
    );
  },
};

async function list(
  context: Context,
  args: Arguments,
  by: { from: Reading; config: Config; filter: LetterFilter; limit: number },
): Promise<number> {
  const { from, config, filter, limit } = by;
  const newest: Letter[] = [];
  let count = 0;
  await readLetters(from, config.topics.deadLetters, filter, (letter) => {
    count++;
    newest.push(letter);
    if (newest.length >= 2 * limit) keepNewest(newest, limit);
  });
  keepNewest(newest, limit);
  if (args.has('json')) {
    outJson(context, { count, deadLetters: newest.map(letterJson) });
    return 0;
  }
  const head = ['PLACE', 'WRITTEN', 'STAGE', 'CODE', 'ENDPOINT', 'LEAD', 'REVISION', 'ATTEMPTS', 'STATUS', 'WHY'];
  const rows = newest.map((letter) => [
    ...[nameOf(letter), instant(letter.writtenAt), letter.stage, letter.code, letter.endpoint, letter.lead],
    ...[letter.revision, letter.attempts, letter.status, letter.message],
  ]);
  if (rows.length > 0) for (const line of columns(head, rows)) context.out(line);
  context.out(
    `${count} dead letter${count === 1 ? '' : 's'}${count > newest.length ? `, the newest ${newest.length} shown` : ''}`,
  );
  return 0;
}

function keepNewest(letters: Letter[], limit: number): void {
  letters.sort((a, b) => b.writtenAt - a.writtenAt || b.offset - a.offset);
  letters.length = Math.min(letters.length, limit);
}

async function show(
  context: Context,
  args: Arguments,
  by: { from: Reading; config: Config; place: { partition: number; offset: number } },
): Promise<number> {
  const { from, config, place } = by;
  let found: KafkaRecord | null = null as KafkaRecord | null;
  if (place.partition >= (from.partitions.get(config.topics.deadLetters) ?? 0))
    throw new UsageError(`there is no partition ${place.partition}`);
  const filter = { ...filterOf(args, undefined, clock.now()), place };
  await readLetters(from, config.topics.deadLetters, filter, (_, record) => {
    found = record;
  });
  if (found === null) {
    context.out(`${nameOf(place)}: no dead letter lies there (any more)`);
    return 1;
  }
  const letter = readLetter(found);
  const can = redrivable(found, clock.now());
  const not = 'not' in can ? can.not : null;
  const headers = Object.entries(found.headers).map(([name, value]) => [name, value.toString()] as const);
  const original = args.has('body') ? { key: text(found.key), value: valueText(found, not === null ? can : null) } : {};
  if (args.has('json')) {
    outJson(context, {
      ...letterJson(letter),
      redrivable: not === null,
      not,
      headers: Object.fromEntries(headers),
      ...original,
    });
    return 0;
  }
  context.out(`${nameOf(letter)}  written ${instant(letter.writtenAt)}  ${not === null ? 'can be redriven' : not}`);
  for (const [name, value] of headers) context.out(`${name}: ${value}`);
  for (const [name, value] of Object.entries(original)) context.out(`${name}: ${value ?? 'none'}`);
  return 0;
}

/** Bytes as text; what is no text in base64. */
function text(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded, 'utf8').equals(bytes) && !decoded.includes('\0')
    ? decoded
    : `base64:${bytes.toString('base64')}`;
}

/** A delivery's value without its framing; anything else as it is. */
function valueText(record: KafkaRecord, delivery: ReturnType<typeof redrivable> | null): string | null {
  if (delivery !== null && !('not' in delivery)) return text(delivery.value.subarray(delivery.bodyStart));
  return text(record.value);
}

function letterJson(letter: Letter) {
  const { writtenAt, partition, offset, ...rest } = letter;
  return { place: nameOf({ partition, offset }), writtenAt: instant(writtenAt), ...rest };
}
