/**
 * The configuration table as Markdown, for docs/operating.md. A test compares it with what stands there, so a setting can neither
 * be added nor changed without its documentation. Writes no file.
 */
import { allSettings } from './config-table.ts';
import type { Setting } from './setting.ts';

/** A heading and the rows of all settings. */
export function configTable(): string {
  const rows = allSettings().map((setting) =>
    row(`\`${setting.env}\``, setting.meaning + marks(setting), defaultOf(setting), allowedOf(setting)),
  );
  return [row('name', 'meaning', 'default', 'allowed'), row('---', '---', '---', '---'), ...rows].join('\n');
}

const row = (...cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function marks(setting: Setting<unknown>): string {
  if (setting.secret) return ' **Secret.** Also as a file: `…_FILE`.';
  return setting.fileTwin ? ' Also as a file: `…_FILE`.' : '';
}

function defaultOf(setting: Setting<unknown>): string {
  if (setting.required) return '**required**';
  return setting.fallback === null ? 'none' : `\`${setting.fallback}\``;
}

function allowedOf(setting: Setting<unknown>): string {
  return setting.unit === null ? setting.parser.allowed : `${setting.parser.allowed} (${setting.unit})`;
}
