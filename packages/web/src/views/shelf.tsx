/** What members share: found, seen, played where it is, or fetched to be kept and passed on. */
import type { ShelfItem, ShelfReport } from '@kith/api';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { pathOf } from '../lib/api.ts';
import { bytes } from '../lib/format.ts';
import { useReport } from '../lib/live.ts';
import { hrefTo } from '../lib/place.ts';
import { Act } from '../widgets/act.tsx';
import { Mark } from '../widgets/marks.tsx';
import { Empty, Prose, Shown } from '../widgets/report.tsx';
import { type Column, Table } from '../widgets/table.tsx';

export function ShelfView(): JSX.Element {
  const report = useReport<ShelfReport>(pathOf('shelf'), 'shelf');
  const [search, setSearch] = useState('');
  return (
    <>
      <h1>Shelf</h1>
      <Shown report={report}>
        {({ items, silent }) => (
          <>
            <div class="tools" role="search">
              <input
                class="grow"
                type="search"
                placeholder="Search what members share"
                aria-label="Search the shelf"
                value={search}
                onInput={(event) => setSearch(event.currentTarget.value)}
              />
              <span class="quiet" role="status">
                {items.length} on the shelf
              </span>
            </div>
            <Items items={items} search={search} refresh={report.refresh} />
            {silent.length > 0 && (
              <details>
                <summary>{silent.length} online members tell nothing</summary>
                <ul>
                  {silent.map(({ member, reason }) => (
                    <li key={member}>
                      {member}: {reason}
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function Items({
  items,
  search,
  refresh,
}: {
  readonly items: readonly ShelfItem[];
  readonly search: string;
  readonly refresh: () => void;
}): JSX.Element {
  const columns = useMemo(() => columnsWith(refresh), [refresh]);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = items.filter(({ name, members }) => {
    const text = [name, ...members.map((each) => each.name)].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (items.length === 0) {
    return (
      <Empty>
        <Prose text="Nobody shares anything yet. `kith share PATH` puts something on the shelf." />
      </Empty>
    );
  }
  if (rows.length === 0) return <Empty>Nothing on the shelf is called that.</Empty>;
  return <Table caption="Shelf" columns={columns} rows={rows} rowKey={({ id }) => id} initial="name" />;
}

function columnsWith(refresh: () => void): readonly Column<ShelfItem>[] {
  return [
    { key: 'name', title: 'Name', show: ({ name }) => name, sort: ({ name }) => name },
    { key: 'size', title: 'Size', numeric: true, show: ({ size }) => bytes(size), sort: ({ size }) => size },
    {
      key: 'files',
      title: 'Files',
      numeric: true,
      extra: true,
      show: ({ files }) => files,
      sort: ({ files }) => files,
    },
    {
      ...{ key: 'members', title: 'From', sort: ({ members }) => members.length },
      show: ({ members, here }) => [...members.map(({ name }) => name), ...(here === null ? [] : ['here'])].join(', '),
    },
    {
      ...{ key: 'play', title: '' },
      show: ({ name, members }) => {
        const link = members[0]?.link;
        return link === undefined ? null : (
          <a href={link} target="_blank" rel="noopener" aria-label={`Open ${name}`}>
            Open
          </a>
        );
      },
    },
    {
      ...{ key: 'fetch', title: '' },
      show: ({ id, name, magnet, here }) =>
        here === null ? (
          <Act kind="small" path={pathOf('shares')} body={{ magnet }} done={refresh} label={`Fetch ${name}`}>
            Fetch
          </Act>
        ) : (
          <a href={hrefTo('transfers', id)}>
            <Mark tone={here === 'seeding' ? 'good' : 'plain'}>{here}</Mark>
          </a>
        ),
    },
  ];
}
