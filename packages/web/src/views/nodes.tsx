/** Everybody in one list: members of the networks and routers of the gateway. */
import type { NodeRow, NodesReport } from '@kith/api';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { pathOf } from '../lib/api.ts';
import { ago, milliseconds } from '../lib/format.ts';
import { useReport } from '../lib/live.ts';
import { type Filter, filtered, type Kept } from '../lib/nodes.ts';
import { hrefTo } from '../lib/place.ts';
import { Mark } from '../widgets/marks.tsx';
import { Empty, Shown } from '../widgets/report.tsx';
import { type Column, Table } from '../widgets/table.tsx';
import { NodePage } from './node.tsx';

const KEPT: Readonly<Record<Kept, string>> = {
  all: 'all',
  online: 'online',
  offline: 'offline',
  new: 'new this week',
  lost: 'lost this week',
};

const COLUMNS: readonly Column<NodeRow>[] = [
  {
    ...{ key: 'name', title: 'Name', sort: ({ name }) => name },
    show: ({ id, name }) => <a href={hrefTo('nodes', id)}>{name}</a>,
  },
  {
    ...{ key: 'state', title: 'State', sort: ({ online, lastSeen }) => (online ? 2 ** 53 : (lastSeen ?? 0)) },
    show: ({ online, lastSeen }) => (
      <Mark tone={online ? 'good' : 'quiet'}>{online ? 'online' : `last seen ${ago(lastSeen)}`}</Mark>
    ),
  },
  { key: 'place', title: 'Where', show: ({ place }) => place, sort: ({ place }) => place },
  {
    ...{ key: 'way', title: 'Way', sort: ({ path }) => path, extra: true },
    show: ({ path, reason }) => <span title={reason}>{path === 'none' ? '–' : path}</span>,
  },
  {
    ...{ key: 'rtt', title: 'RTT', numeric: true, sort: ({ rttMs }) => rttMs ?? 1e9 },
    show: ({ rttMs }) => milliseconds(rttMs),
  },
  {
    ...{ key: 'clients', title: 'Clients', numeric: true, extra: true, sort: ({ clients }) => clients ?? -1 },
    show: ({ clients }) => clients ?? '',
  },
  {
    ...{ key: 'address', title: 'Address', extra: true, sort: ({ addresses }) => addresses[0] ?? '' },
    show: ({ addresses }) => addresses[0] ?? '',
  },
  {
    ...{ key: 'version', title: 'Version', extra: true, sort: ({ version }) => version ?? '' },
    show: ({ version }) => version ?? '',
  },
];

export function Nodes({ id }: { readonly id: string | undefined }): JSX.Element {
  const report = useReport<NodesReport>(pathOf('nodes'), 'nodes');
  const [filter, setFilter] = useState<Filter>({ search: '', kept: 'all', place: '' });
  const node = report.value?.nodes.find((each) => each.id === id);
  if (node !== undefined) return <NodePage node={node} />;
  return (
    <>
      <h1>Nodes</h1>
      <Shown report={report}>{({ nodes }) => <List nodes={nodes} filter={filter} onFilter={setFilter} />}</Shown>
    </>
  );
}

function List({
  nodes,
  filter,
  onFilter,
}: {
  readonly nodes: readonly NodeRow[];
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}): JSX.Element {
  const rows = useMemo(() => filtered(nodes, filter, Date.now()), [nodes, filter]);
  const places = useMemo(() => [...new Set(nodes.map(({ place }) => place))].toSorted(), [nodes]);
  return (
    <>
      <div class="tools" role="search">
        <input
          class="grow"
          type="search"
          placeholder="Name, address, model, version …"
          aria-label="Search nodes"
          value={filter.search}
          onInput={(event) => onFilter({ ...filter, search: event.currentTarget.value })}
        />
        <label>
          Show{' '}
          <select
            value={filter.kept}
            onChange={(event) => onFilter({ ...filter, kept: event.currentTarget.value as Kept })}
          >
            {Object.entries(KEPT).map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          of{' '}
          <select value={filter.place} onChange={(event) => onFilter({ ...filter, place: event.currentTarget.value })}>
            <option value="">everywhere</option>
            {places.map((place) => (
              <option key={place} value={place}>
                {place}
              </option>
            ))}
          </select>
        </label>
        <span class="quiet" role="status">
          {rows.length} of {nodes.length}
        </span>
      </div>
      {rows.length === 0 ? (
        <Empty>No node is like that.</Empty>
      ) : (
        <Table
          caption="Nodes"
          columns={COLUMNS}
          rows={rows}
          rowKey={({ place, id }) => `${place} ${id}`}
          initial="name"
        />
      )}
    </>
  );
}
