/** Figures of earlier runs, so that a long run can be made in pieces while nothing else runs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Row } from './samples.ts';

export interface Kept {
  /** The commands of the runs, as they were given. */
  readonly commands: readonly string[];
  readonly rows: readonly Row[];
}

/**
 * Adds `rows` to those in the file, in place of what they measure anew, and gives back all of them.
 * @throws Error when the file holds something else
 */
export function keep(file: string, command: string, rows: readonly Row[]): Kept {
  const before = existsSync(file) ? parse(file) : { commands: [], rows: [] };
  const anew = new Map(rows.map((row) => [keyOf(row), row]));
  const known = new Set(before.rows.map(keyOf));
  const kept: Kept = {
    commands: [...new Set([...before.commands, command])],
    // In place of the old ones: tables keep their order.
    rows: [...before.rows.map((row) => anew.get(keyOf(row)) ?? row), ...rows.filter((row) => !known.has(keyOf(row)))],
  };
  writeFileSync(file, JSON.stringify(kept));
  return kept;
}

/** What was typed, apart from where figures are kept: that is of this machine. */
export function commandLine(program: string, argv: readonly string[]): string {
  const kept = argv.indexOf('--keep');
  const told = kept < 0 ? argv : argv.toSpliced(kept, 2);
  return [program, ...(told.length > 0 ? ['--', ...told] : [])].join(' ');
}

function keyOf({ system, measure }: Row): string {
  return `${system} ${measure}`;
}

function parse(file: string): Kept {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (isKept(value)) return value;
  throw new Error(`${file} holds no figures of an earlier run: name another file with --keep`);
}

function isKept(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && 'commands' in value && 'rows' in value;
}
