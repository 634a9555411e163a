/** The parts of docs/benchmarks.md that a benchmark writes itself. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import type { Row } from './samples.ts';

const FILE = new URL('../../docs/benchmarks.md', import.meta.url);

/**
 * Replaces what stands between `<!-- NAME writes from here -->` and `<!-- NAME to here -->`.
 * @throws Error when the file has lost its marks
 */
export function writeSection(name: string, markdown: string): void {
  if (!existsSync(FILE)) throw new Error('docs/benchmarks.md is missing: restore it, only its middle is written');
  const text = readFileSync(FILE, 'utf8');
  const [begin, end] = [`<!-- ${name} writes from here -->`, `<!-- ${name} to here -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md lacks its marks "${begin}" and "${end}"`);
  writeFileSync(FILE, `${text.slice(0, from + begin.length)}\n\n${markdown}\n\n${text.slice(to)}`);
}

/** What a table is to be read with. */
export function circumstances(machine: Machine, command: string): string {
  return [
    `Measured on ${machine.date} with \`${command}\`: ${machine.processor}, ${machine.cores} cores,`,
    `${machine.memoryGB} GB, Linux ${machine.kernel}, Node ${machine.node}, TCP with ${machine.congestion}; load before the run`,
    `${machine.load.toFixed(1)}. Medians, with the lowest and the highest round.`,
  ].join('\n');
}

/** The first line is the head. */
export function markdownTable(lines: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = lines;
  const all = [head, head.map(() => '---'), ...rest];
  const widths = head.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0)));
  return all
    .map((line, row) => `| ${line.map((text, i) => text.padEnd(widths[i] ?? 0, row === 1 ? '-' : ' ')).join(' | ')} |`)
    .join('\n');
}

export function cell(row: Row | undefined): string {
  if (row === undefined || row.median === null) return '–';
  return row.rounds === 1 ? number(row.median) : `${number(row.median)} (${number(row.min)}–${number(row.max)})`;
}

function number(value: number | null): string {
  if (value === null) return '–';
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Why cells are empty or rounds are missing, each reason once for the measures that share it. */
export function reasons(rows: readonly Row[]): string[] {
  const byReason = new Map<string, Row[]>();
  for (const row of rows.filter((each) => each.reason !== undefined)) {
    const key = `${row.system}: ${row.reason}`;
    byReason.set(key, [...(byReason.get(key) ?? []), row]);
  }
  return [...byReason].map(([key, those]) => {
    const some = those.some(({ median }) => median !== null) ? 'in a round, ' : '';
    return `${key} (${some}${those.map(({ measure }) => measure).join(', ')})`;
  });
}
