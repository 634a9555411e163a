/** Traffic as a table for a person. Amounts in powers of 1024, rates in bits per second and powers of 1000. */
import type { Grain } from './slot.ts';
import type { TrafficRow } from './traffic-history.ts';

const HEADINGS: Readonly<Record<Grain, string>> = {
  minutes: 'five minutes',
  hours: 'hour',
  days: 'day',
  months: 'month',
};

/**
 * One table per interface: what came in, what went out, both, and the average rate. Below it what the last slot is going
 * to hold when it goes on like that. An empty text where nothing is known.
 *
 * @param rows of one grain, the oldest of an interface first
 * @param now ms since 1970
 */
export function trafficText(rows: readonly TrafficRow[], now: number): string {
  const names = [...new Set(rows.map((row) => row.interface))];
  return names
    .map((name) =>
      tableOf(
        name,
        rows.filter((row) => row.interface === name),
        now,
      ),
    )
    .join('\n\n');
}

function tableOf(name: string, rows: readonly TrafficRow[], now: number): string {
  const last = rows.at(-1);
  if (last === undefined) return '';
  const cells = rows.map((row) => [labelOf(row), ...amounts(row), rateOf(row, now)]);
  const expected = expectedOf(last, now);
  if (expected !== null) cells.push(['expected', ...amounts(expected), '']);
  const head = [HEADINGS[last.grain], 'received', 'sent', 'total', 'average'];
  const widths = head.map((text, i) => Math.max(text.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  ');
  return [name, ...[head, ...cells].map((row) => `  ${line(row)}`.trimEnd())].join('\n');
}

function amounts({ received, sent }: Pick<TrafficRow, 'received' | 'sent'>): string[] {
  return [received, sent, received + sent].map(bytesText);
}

function labelOf({ grain, start }: TrafficRow): string {
  const date = new Date(start);
  const two = (number: number): string => String(number).padStart(2, '0');
  const month = `${date.getFullYear()}-${two(date.getMonth() + 1)}`;
  if (grain === 'months') return month;
  const day = `${month}-${two(date.getDate())}`;
  return grain === 'days' ? day : `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Over the part of the slot that has passed. */
function rateOf({ start, end, received, sent }: TrafficRow, now: number): string {
  const seconds = (Math.min(end, Math.max(now, start + 1000)) - start) / 1000;
  return `${scaled(((received + sent) * 8) / seconds, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'])}`;
}

/** Null for a slot that is over or has hardly begun. */
function expectedOf(
  { start, end, received, sent }: TrafficRow,
  now: number,
): Pick<TrafficRow, 'received' | 'sent'> | null {
  const passed = (now - start) / (end - start);
  if (passed >= 1 || passed < 0.01) return null;
  return { received: received / passed, sent: sent / passed };
}

function bytesText(bytes: number): string {
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

function scaled(amount: number, step: number, units: readonly string[]): string {
  let [value, place] = [amount, 0];
  for (; value >= step && place < units.length - 1; place++) value /= step;
  return `${place === 0 ? Math.round(value) : value.toFixed(2)} ${units[place]}`;
}
