/** The network as it is: who is linked with whom, how well, and why a way is as it is. */
import type { SessionReport, TopologyLink, TopologyNode, TopologyReport } from '@kith/api';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { GraphView, type Hover } from '../draw/graph.ts';
import { pathOf } from '../lib/api.ts';
import { milliseconds, percent } from '../lib/format.ts';
import { useLive, useReport } from '../lib/live.ts';
import { hrefTo } from '../lib/place.ts';
import { Mark, type Tone } from '../widgets/marks.tsx';
import { Empty, Shown } from '../widgets/report.tsx';
import { type Column, Table } from '../widgets/table.tsx';

/** Stands in place of a label for the routers of the gateway. */
const ROUTERS = '@routers';

export function Topology({ label }: { readonly label: string | undefined }): JSX.Element {
  const { session } = useLive();
  const chosen = label ?? session.networks[0] ?? ROUTERS;
  const path = chosen === ROUTERS ? pathOf('routers') : pathOf('topology', { label: chosen });
  const report = useReport<TopologyReport>(path, 'topology');
  return (
    <>
      <h1>Topology</h1>
      <Choice session={session} chosen={chosen} />
      <Shown report={report}>
        {(topology) =>
          topology.nodes.length === 0 ? (
            <Empty>Nobody is here yet. `kith invite` makes an invite for the first.</Empty>
          ) : (
            <Graph topology={topology} />
          )
        }
      </Shown>
    </>
  );
}

function Choice({ session, chosen }: { readonly session: SessionReport; readonly chosen: string }): JSX.Element {
  return (
    <div class="tools">
      <label>
        Network{' '}
        <select value={chosen} onChange={(event) => (location.hash = hrefTo('topology', event.currentTarget.value))}>
          {session.networks.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
          <option value={ROUTERS}>the gateway's routers</option>
        </select>
      </label>
    </div>
  );
}

function Graph({ topology }: { readonly topology: TopologyReport }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<GraphView | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  useEffect(() => {
    if (canvas.current === null) return;
    const graph = new GraphView(canvas.current, setHover);
    view.current = graph;
    return () => {
      view.current = null;
      graph.close();
    };
  }, []);
  useEffect(() => view.current?.show(topology), [topology]);
  const names = useMemo(() => new Map(topology.nodes.map(({ id, name }) => [id, name])), [topology]);
  const summary = `${topology.nodes.length} nodes and ${topology.links.length} links; the list below has them all`;
  return (
    <>
      <div class="stage">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`Graph of ${summary}. Arrow keys move, plus and minus zoom.`}
        />
        <div class="controls">
          <button type="button" aria-label="Nearer" onClick={() => view.current?.zoom(1.4)}>
            +
          </button>
          <button type="button" aria-label="Farther" onClick={() => view.current?.zoom(1 / 1.4)}>
            −
          </button>
          <button type="button" onClick={() => view.current?.fit()}>
            All
          </button>
        </div>
        {hover !== null && <Hint hover={hover} names={names} />}
        <div class="legend">
          solid: linked directly · dashed: this node's way through others · green to red: quality
        </div>
      </div>
      <Links topology={topology} names={names} />
    </>
  );
}

type Names = ReadonlyMap<string, string>;

function Hint({ hover, names }: { readonly hover: Hover; readonly names: Names }): JSX.Element {
  const { thing, x, y } = hover;
  return (
    <div class="hint" style={{ left: `${x + 14}px`, top: `${y + 14}px` }}>
      {thing.kind === 'node' ? <NodeHint node={thing.node} /> : <LinkHint link={thing.link} names={names} />}
    </div>
  );
}

const NATS: Readonly<Record<TopologyNode['nat'], string>> = {
  public: 'reachable from everywhere',
  none: 'no NAT in front',
  easy: 'behind a NAT that can be opened',
  symmetric: 'behind a symmetric NAT',
  unknown: 'NAT not known yet',
};

function NodeHint({ node }: { readonly node: TopologyNode }): JSX.Element {
  return (
    <>
      <strong>{node.name}</strong>
      <div>{node.online ? 'online' : 'offline'}</div>
      {node.kind === 'member' && <div class="quiet">{NATS[node.nat]}</div>}
    </>
  );
}

function LinkHint({ link, names }: { readonly link: TopologyLink; readonly names: Names }): JSX.Element {
  return (
    <>
      <strong>{linkName(link, names)}</strong>
      <div>
        {milliseconds(link.rttMs)}, {percent(link.loss)} lost
      </div>
      {link.reason !== null && <div class="quiet">{link.reason}</div>}
    </>
  );
}

function linkName({ a, b }: TopologyLink, names: Names): string {
  return `${names.get(a) ?? a} – ${names.get(b) ?? b}`;
}

function tone({ quality }: TopologyLink): Tone {
  return quality > 0.6 ? 'good' : quality > 0.3 ? 'fair' : 'bad';
}

/** The same as the graph in words: for screen readers, and for whoever wants to sort. */
function Links({ topology, names }: { readonly topology: TopologyReport; readonly names: Names }): JSX.Element {
  const columns = useMemo(
    (): readonly Column<TopologyLink>[] => [
      { key: 'link', title: 'Link', show: (link) => linkName(link, names), sort: (link) => linkName(link, names) },
      {
        ...{ key: 'kind', title: 'Way', sort: ({ kind }) => kind },
        show: (link) => (
          <Mark tone={tone(link)}>
            {link.kind === 'direct' ? 'direct' : `through ${link.via.map((id) => names.get(id) ?? id).join(', ')}`}
          </Mark>
        ),
      },
      {
        key: 'rtt',
        title: 'RTT',
        numeric: true,
        show: ({ rttMs }) => milliseconds(rttMs),
        sort: ({ rttMs }) => rttMs ?? 0,
      },
      { key: 'loss', title: 'Lost', numeric: true, show: ({ loss }) => percent(loss), sort: ({ loss }) => loss },
      {
        key: 'reason',
        title: 'Reason',
        extra: true,
        show: ({ reason }) => reason ?? '',
        sort: ({ reason }) => reason ?? '',
      },
    ],
    [names],
  );
  return (
    <details open={topology.links.length < 50}>
      <summary>All links</summary>
      <Table
        caption="Links"
        columns={columns}
        rows={topology.links}
        rowKey={({ a, b, kind }) => `${a} ${b} ${kind}`}
        initial="link"
      />
    </details>
  );
}
