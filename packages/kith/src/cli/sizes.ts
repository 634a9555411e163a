import { KithError } from '@kith/core';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** `65536`, `64k`, `1M`: bytes, by powers of 1024. @throws KithError USAGE */
export function parseSize(text: string, option: string): number {
  const match = /^(\d{1,12})([kmg]?)(?:i?b)?$/i.exec(text);
  const size = match === null ? Number.NaN : Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1);
  if (Number.isSafeInteger(size)) return size;
  throw new KithError('USAGE', `${option} ${JSON.stringify(text)} is no size: write it like 65536, 64k or 1M`);
}

/** A rate of {@link parseSize}, 0 for none. @throws KithError USAGE */
export function parseRate(text: string, option: string): number {
  return parseSize(text.replace(/\/s$/, ''), option);
}
