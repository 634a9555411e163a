/** A table of any length: sorted by what its head says, and only the rows in sight are there. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  readonly show: (row: T) => ComponentChildren;
  /** What rows are sorted by; a column without it does not sort. */
  readonly sort?: (row: T) => number | string;
  readonly numeric?: boolean;
  /** Left out on narrow screens. */
  readonly extra?: boolean;
}

/** Pixels of a row, which is one line. */
const ROW = 34;
/** Rows beyond the edges, so that a quick scroll shows no gap. */
const MARGIN = 12;
/** With no more all of them are there. */
const FEW = 200;

export function Table<T>({
  caption,
  columns,
  rows,
  rowKey,
  initial,
}: {
  /** For screen readers: what the table is about. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  /** Key of the column that it is sorted by at first. */
  readonly initial?: string;
}): JSX.Element {
  const [order, setOrder] = useState({ key: initial ?? '', down: false });
  const sorted = useMemo(() => sortedBy(rows, columns, order), [rows, columns, order]);
  const frame = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ first: 0, end: FEW });
  const virtual = sorted.length > FEW;
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null || !virtual) return;
    const look = (): void => {
      const first = Math.max(0, Math.floor(element.scrollTop / ROW) - MARGIN);
      const end = first + Math.ceil(element.clientHeight / ROW) + 2 * MARGIN;
      setRange((known) => (known.first === first && known.end === end ? known : { first, end }));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, [virtual]);
  const { first, end } = virtual ? range : { first: 0, end: sorted.length };
  const shown = sorted.slice(first, end);
  const gap = (count: number): JSX.Element | null =>
    count <= 0 ? null : (
      <tr aria-hidden="true">
        <td colSpan={columns.length} style={{ height: `${count * ROW}px`, padding: 0 }} />
      </tr>
    );
  return (
    <div class={virtual ? 'table tall' : 'table'} ref={frame} tabIndex={0} role="region" aria-label={caption}>
      <table aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {gap(first)}
          {shown.map((row, index) => (
            <tr key={rowKey(row)} aria-rowindex={first + index + 2}>
              {columns.map(({ key, show, numeric, extra }) => (
                <td key={key} class={classes(numeric, extra)}>
                  {show(row)}
                </td>
              ))}
            </tr>
          ))}
          {gap(sorted.length - Math.max(first, end))}
        </tbody>
      </table>
    </div>
  );
}

interface Order {
  readonly key: string;
  readonly down: boolean;
}

function Head<T>({
  column,
  order,
  onOrder,
}: {
  readonly column: Column<T>;
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}): JSX.Element {
  const { key, title, sort, numeric, extra } = column;
  const by = order.key === key;
  return (
    <th
      scope="col"
      class={classes(numeric, extra)}
      aria-sort={by ? (order.down ? 'descending' : 'ascending') : undefined}
    >
      {sort === undefined ? (
        title
      ) : (
        <button type="button" onClick={() => onOrder({ key, down: by ? !order.down : false })}>
          {title}
          <span aria-hidden="true">{by ? (order.down ? ' ▾' : ' ▴') : ''}</span>
        </button>
      )}
    </th>
  );
}

function classes(numeric: boolean | undefined, extra: boolean | undefined): string {
  return [numeric === true ? 'number' : '', extra === true ? 'extra' : ''].join(' ').trim();
}

function sortedBy<T>(rows: readonly T[], columns: readonly Column<T>[], { key, down }: Order): readonly T[] {
  const sort = columns.find((column) => column.key === key)?.sort;
  if (sort === undefined) return rows;
  const sign = down ? -1 : 1;
  const keyed = rows.map((row) => ({ row, by: sort(row) }));
  keyed.sort((a, b) => {
    if (typeof a.by === 'string' && typeof b.by === 'string') return sign * COLLATOR.compare(a.by, b.by);
    return a.by < b.by ? -sign : a.by > b.by ? sign : 0;
  });
  return keyed.map(({ row }) => row);
}

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
