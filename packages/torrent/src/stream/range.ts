/** Bytes `begin` up to, not including, `end`. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/** `whole`: answer as if nothing was asked for (200). `none`: nothing of it is there (416). */
export type RangeAnswer = 'whole' | 'none' | readonly [ByteRange, ...ByteRange[]];

/** More ranges than this in one request, and overlapping ones, are answered with the whole file (RFC 9110, 14.2). */
const MOST_RANGES = 16;
const MOST_TEXT = 1024;

/** What a `Range` header asks for in a file of `length` bytes (RFC 9110, section 14). Malformed ones count as absent. */
export function parseRange(header: string | undefined, length: number): RangeAnswer {
  if (header === undefined || header.length > MOST_TEXT) return 'whole';
  const set = /^bytes[ \t]*=(.*)$/i.exec(header.trim())?.[1];
  if (set === undefined) return 'whole';
  const ranges: ByteRange[] = [];
  const specs = set.split(',').map((spec) => spec.trim());
  if (specs.every((spec) => spec === '')) return 'whole';
  for (const spec of specs) {
    // Lists may have empty elements (RFC 9110, 5.6.1).
    if (spec === '') continue;
    const match = /^(\d*)-(\d*)$/.exec(spec);
    const [, first = '', last = ''] = match ?? [];
    if (match === null || (first === '' && last === '')) return 'whole';
    if (first !== '' && last !== '' && Number(last) < Number(first)) return 'whole';
    const begin = first === '' ? Math.max(0, length - Number(last)) : Number(first);
    const end = first === '' || last === '' ? length : Math.min(length, Number(last) + 1);
    if (begin < end) ranges.push({ begin, end });
  }
  const [only, ...others] = ranges;
  if (only === undefined) return 'none';
  if (ranges.length > MOST_RANGES || overlap(ranges)) return 'whole';
  return [only, ...others];
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((a, b) => a.begin - b.begin);
  return sorted.some((range, i) => range.begin < (sorted[i - 1]?.end ?? 0));
}
