/** Numbers and times for people. */
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function bytes(count: number): string {
  let value = Math.max(0, count);
  let unit = 0;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit] ?? ''}`;
}

export function rate(perSecond: number): string {
  return `${bytes(perSecond)}/s`;
}

export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.floor(value)} %`;
}

const STEPS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** The two largest units: `3 h 12 min`. */
export function duration(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1000));
  const words: string[] = [];
  for (const [seconds, unit] of STEPS) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) words.push(`${count} ${unit}`);
    else if (words.length > 0) break;
    if (words.length === 2) break;
  }
  return words.length === 0 ? '0 s' : words.join(' ');
}

export function ago(time: number | null, now: number = Date.now()): string {
  if (time === null) return 'never';
  return now - time < 5000 ? 'now' : `${duration(now - time)} ago`;
}
