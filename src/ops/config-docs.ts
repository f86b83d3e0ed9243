/**
 * The configuration table as Markdown, for docs/operating.md. A test compares it with what stands there, so a setting can neither
 * be added nor changed without its documentation. Writes no file.
 */
import { allSettings, NOT_SUPPORTED_YET, type Setting } from './config-table.ts';

/** The rows of all settings, then of the names that are refused for now. */
export function configTable(): string {
  const rows = allSettings().map((setting) =>
    row(`\`${setting.env}\``, setting.meaning + marks(setting), defaultOf(setting), allowedOf(setting)),
  );
  const refused = [...NOT_SUPPORTED_YET].map(([name, why]) => row(`\`${name}\``, `${capital(why)}.`, '', 'refused'));
  return [row('name', 'meaning', 'default', 'allowed'), row('---', '---', '---', '---'), ...rows, ...refused].join(
    '\n',
  );
}

const row = (...cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

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
