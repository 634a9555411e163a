/** How results look: aligned tables and short words for people, one JSON document for programs. */
import { ERRORS, KithError } from '@kith/core';

/** What a verb has to say. */
export interface Result {
  /** Printed with `--json`. */
  readonly json: unknown;
  /** Printed otherwise, without the last newline; empty for nothing. */
  readonly text: string;
  /** 0 unless said otherwise. */
  readonly exit?: number;
}

/** Control characters in words of other members would reach the terminal; they are shown as `?`. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '?');
}

/** Rows under a head, columns as wide as their widest cell; numbers in columns named in `right` stand to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return right.includes(head[column] ?? '') ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `0 B`, `999 B`, `1.5 kB`, `12 MB`: decimal units, as network people count. */
export function bytes(n: number): string {
  let value = n;
  for (const unit of ['B', 'kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5 || unit === 'TB')
      return `${unit === 'B' || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${n} B`;
}

/** `0.4 ms`, `12 ms`; a dash for unknown. */
export function rtt(ms: number | null): string {
  if (ms === null) return '-';
  return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `5 s`, `12 min`, `3 h`, `4 d`. */
export function duration(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ];
  for (const [size, unit] of units) if (ms >= 2 * size) return `${Math.floor(ms / size)} ${unit}`;
  return `${Math.floor(ms / 1000)} s`;
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `30m`, `12h`, `7d`, `2w` in ms; null for `never`. @throws KithError USAGE */
export function parseDuration(text: string, option: string): number | null {
  if (text === 'never') return null;
  const match = /^(\d{1,9})(s|m|min|h|d|w)$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * (UNITS[match[2] as string] as number);
  if (ms > 0) return ms;
  throw new KithError('USAGE', `${option} ${JSON.stringify(text)} is no time: write it like 30m, 12h, 7d, 2w or never`);
}

/** @throws KithError USAGE */
export function parseWhole(text: string, least: number, most: number, option: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new KithError(
    'USAGE',
    `${option} ${JSON.stringify(text)} is not allowed: it must be a whole number from ${least} to ${most}`,
  );
}

/** Any error as one of the registry. */
export function asKithError(error: unknown): KithError {
  if (error instanceof KithError) return error;
  return new KithError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}

/** An error for a person: what happened, then what to do. */
export function errorText(error: KithError): string {
  const trace = error.code === 'INTERNAL' && error.cause instanceof Error ? `\n${error.cause.stack ?? ''}` : '';
  return `kith: ${plain(error.message)}\n      ${ERRORS[error.code].advice}${trace}`;
}

export function errorJson(error: KithError): string {
  return JSON.stringify({ error: { code: error.code, message: error.message, advice: ERRORS[error.code].advice } });
}
