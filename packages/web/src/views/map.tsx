/** Where everybody is, as far as they tell: on a map that needs no server. */
import type { NodeRow, NodesReport, TopologyReport } from '@kith/api';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { MapView } from '../draw/map.ts';
import { pathOf } from '../lib/api.ts';
import { useLive, useReport } from '../lib/live.ts';
import { hrefTo } from '../lib/place.ts';
import { Empty, Prose, Shown } from '../widgets/report.tsx';

export function Places(): JSX.Element {
  const { session } = useLive();
  const report = useReport<NodesReport>(pathOf('nodes'), 'nodes');
  const [place, setPlace] = useState('');
  return (
    <>
      <h1>Map</h1>
      <Shown report={report}>
        {({ nodes }) => {
          const located = nodes.filter((node) => node.location !== null && (place === '' || node.place === place));
          const places = [...new Set(nodes.map((node) => node.place))].toSorted();
          return (
            <>
              <div class="tools">
                <label>
                  Show{' '}
                  <select value={place} onChange={(event) => setPlace(event.currentTarget.value)}>
                    <option value="">everybody</option>
                    {places.map((each) => (
                      <option key={each} value={each}>
                        {each}
                      </option>
                    ))}
                  </select>
                </label>
                <span class="quiet" role="status">
                  {located.length} of {nodes.length} tell where they are
                </span>
              </div>
              {located.length === 0 && (
                <Empty>
                  <Prose text="Nobody tells where they are. A member does with `location: [53.35, -6.26]` in its config.yaml, a router in its own settings." />
                </Empty>
              )}
              <Canvas nodes={located} networks={session.networks} tiles={session.tiles} />
            </>
          );
        }}
      </Shown>
    </>
  );
}

/** Links of all networks and of the routers, between those that are on the map. */
function useLinks(networks: readonly string[]): TopologyReport['links'] {
  const first = networks[0];
  const members = useReport<TopologyReport>(
    first === undefined ? null : pathOf('topology', { label: first }),
    'topology',
  );
  const routers = useReport<TopologyReport>(pathOf('routers'), 'topology');
  return useMemo(
    () => [...(members.value?.links ?? []), ...(routers.value?.links ?? [])],
    [members.value, routers.value],
  );
}

function Canvas({
  nodes,
  networks,
  tiles,
}: {
  readonly nodes: readonly NodeRow[];
  readonly networks: readonly string[];
  readonly tiles: string | null;
}): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<MapView | null>(null);
  const links = useLinks(networks);
  useEffect(() => {
    if (frame.current === null) return;
    const map = new MapView(frame.current, { tiles, onOpen: (id) => (location.hash = hrefTo('nodes', id)) });
    view.current = map;
    return () => {
      view.current = null;
      map.close();
    };
  }, [tiles]);
  useEffect(() => view.current?.show(nodes, links), [nodes, links]);
  return (
    <>
      <div class="stage" ref={frame} role="application" aria-label="Map; the list below has everybody on it" />
      <details open={nodes.length < 30}>
        <summary>Everybody on the map</summary>
        <ul>
          {nodes.slice(0, 500).map(({ id, place, name, location: at }) => (
            <li key={`${place} ${id}`}>
              <a href={hrefTo('nodes', id)}>{name}</a>{' '}
              <span class="quiet">
                {at?.latitude.toFixed(4)}, {at?.longitude.toFixed(4)}
              </span>
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}
