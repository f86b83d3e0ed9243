/**
 * The demo in words: one aligned line for each request, a line for each step, the summary. Plain text; colours only when
 * asked for. Shows ids, never a body, a token or a person.
 */
import { ENDPOINTS } from './cast.ts';
import type { Figures, ToldDelivery } from './delivery-book.ts';

export interface Telling {
  /** Terminal colours. */
  readonly colours: boolean;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
const ENDPOINT_WIDTH = Math.max(...ENDPOINTS.map(({ id }) => id.length));
/** Revisions of a lead that moved have ten digits. */
const REVISION_WIDTH = 10;
const NUMBER_WIDTH = 6;

/** Text of a step. */
export function stepLine(number: number, title: string, telling: Telling): string {
  return `\n${paint(`${String(number).padStart(2)}. ${title}`, 'bold', telling)}`;
}

/** Text of a stage of the set-up, or of a remark between two steps. */
export function remark(text: string, telling: Telling): string {
  return paint(text, 'dim', telling);
}

/** One request: endpoint, lead, version, revision, cause, the answer, and how long after the change it came. */
export function deliveryLine({ request, cause, afterMs }: ToldDelivery, telling: Telling): string {
  const { path, leadId, version, revision, status, attempt } = request;
  const endpoint = ENDPOINTS.find((one) => one.path === path)?.id ?? path;
  const colour = status < 300 ? 'green' : status < 500 ? 'yellow' : 'red';
  const columns = [
    `    ${endpoint.padEnd(ENDPOINT_WIDTH)}`,
    `lead ${leadId.padEnd(NUMBER_WIDTH)}`,
    version,
    `revision ${String(revision).padEnd(REVISION_WIDTH)}`,
    cause,
    paint(String(status), colour, telling),
    `${String(afterMs ?? '?').padStart(NUMBER_WIDTH)} ms after the change`,
  ];
  if (attempt > 1) columns.push(`attempt ${attempt}`);
  return columns.join('  ');
}

/**
 * The last line of the demo, a contract with scripts:
 * `demo: N changes, N deliveries, N retried, p50 N ms, p99 N ms, story ok`, or `story wrong: …` at its end.
 * @param problem what went wrong; null = nothing.
 */
export function summaryLine(changes: number, figures: Figures, problem: string | null): string {
  const { deliveries, retried, p50, p99 } = figures;
  const counts = `${changes} changes, ${deliveries} deliveries, ${retried} retried`;
  const verdict = problem === null ? 'story ok' : `story wrong: ${problem.replace(/\s+/g, ' ')}`;
  return `demo: ${counts}, p50 ${p50 ?? 0} ms, p99 ${p99 ?? 0} ms, ${verdict}`;
}

function paint(text: string, colour: keyof typeof CODES, { colours }: Telling): string {
  return colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}
