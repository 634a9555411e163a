/** One node: what is known of it, and how it did. */
import type { HistoryReport, HistorySpan, NodeRow } from '@kith/api';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Chart, type Series } from '../draw/chart.tsx';
import { pathOf } from '../lib/api.ts';
import { ago, bytes, milliseconds, percent, rate } from '../lib/format.ts';
import { useReport } from '../lib/live.ts';
import { hrefTo } from '../lib/place.ts';
import { Act } from '../widgets/act.tsx';
import { Fact, Mark } from '../widgets/marks.tsx';
import { Empty, Shown } from '../widgets/report.tsx';

const HOUR = 3_600_000;
const SPANS: Readonly<Record<HistorySpan, { readonly title: string; readonly length: number }>> = {
  hour: { title: '3 hours', length: 3 * HOUR },
  day: { title: '3 days', length: 72 * HOUR },
  month: { title: '2 months', length: 62 * 24 * HOUR },
};

export function NodePage({ node }: { readonly node: NodeRow }): JSX.Element {
  const [span, setSpan] = useState<HistorySpan>('hour');
  const path = `${pathOf('history', { id: node.id })}?span=${span}`;
  const report = useReport<HistoryReport>(node.path === 'self' ? null : path, 'nodes');
  return (
    <>
      <p>
        <a href={hrefTo('nodes')}>← all nodes</a>
      </p>
      <h1>{node.name}</h1>
      <div class="cards">
        <Facts node={node} />
        {node.kind === 'member' && node.path !== 'self' && <Rights node={node} />}
      </div>
      <h2>History</h2>
      {node.path === 'self' ? (
        <Empty>This is the machine that you look from.</Empty>
      ) : (
        <>
          <div class="tools">
            <label>
              Of the last{' '}
              <select value={span} onChange={(event) => setSpan(event.currentTarget.value as HistorySpan)}>
                {Object.entries(SPANS).map(([value, { title }]) => (
                  <option key={value} value={value}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <Shown report={report}>{(history) => <Charts history={history} />}</Shown>
        </>
      )}
    </>
  );
}

function Facts({ node }: { readonly node: NodeRow }): JSX.Element {
  return (
    <section class="card" aria-label="Facts">
      <dl>
        <Fact name="State">
          <Mark tone={node.online ? 'good' : 'quiet'}>
            {node.online ? 'online' : `last seen ${ago(node.lastSeen)}`}
          </Mark>
        </Fact>
        <Fact name="Where">{node.place}</Fact>
        {node.reason !== '' && <Fact name="Way">{node.reason}</Fact>}
        {node.rttMs !== null && (
          <Fact name="RTT">
            {milliseconds(node.rttMs)}, {percent(node.loss)} lost
          </Fact>
        )}
        <Fact name="Addresses">{node.addresses.join(', ') || 'none'}</Fact>
        {node.clients !== null && <Fact name="Clients">{node.clients}</Fact>}
        {node.model !== null && <Fact name="Model">{node.model}</Fact>}
        {node.version !== null && <Fact name="Version">{node.version}</Fact>}
        {node.firstSeen !== null && <Fact name="First seen">{ago(node.firstSeen)}</Fact>}
        {node.kind === 'member' && (
          <Fact name="Traffic">
            ↓ {bytes(node.receivedBytes)} ↑ {bytes(node.sentBytes)}
          </Fact>
        )}
        <Fact name="Id">{node.id}</Fact>
      </dl>
    </section>
  );
}

function Rights({ node }: { readonly node: NodeRow }): JSX.Element {
  const change = pathOf('changes', { label: node.place });
  const keep = { member: node.id, name: null, address: null, relay: null };
  return (
    <section class="card" aria-label="Rights">
      <h2>Rights</h2>
      <p>{node.admin ? 'An admin: may invite, revoke and change members.' : 'A member: may use the network.'}</p>
      <div class="tools">
        <Act
          path={change}
          body={{ ...keep, admin: !node.admin }}
          question={`${node.admin ? 'Take the rights of an admin from' : 'Make'} ${node.name}${node.admin ? '' : ' an admin'}?`}
        >
          {node.admin ? 'Take admin rights' : 'Make admin'}
        </Act>
        <Act
          kind="danger"
          path={pathOf('revocations', { label: node.place })}
          body={{ target: node.id }}
          question={`Cut ${node.name} off? It cannot come back without a new invite.`}
        >
          Revoke
        </Act>
      </div>
    </section>
  );
}

function Charts({ history }: { readonly history: HistoryReport }): JSX.Element {
  const { times, rtt, loss, traffic } = useMemo(() => {
    const points = withGaps(history);
    const of = (pick: (point: HistoryReport['points'][number]) => number | null): (number | null)[] =>
      points.map(({ point }) => (point === null ? null : pick(point)));
    return {
      times: points.map(({ time }) => time),
      rtt: [{ label: 'RTT', values: of(({ rttMs }) => rttMs), colour: '--accent' }] satisfies Series[],
      loss: [
        { label: 'lost', values: of((point) => point.loss), colour: '--bad' },
        { label: 'away', values: of(({ online }) => 1 - online), colour: '--quiet' },
      ] satisfies Series[],
      traffic: [
        { label: 'received', values: of(({ receivedRate }) => receivedRate), colour: '--accent' },
        { label: 'sent', values: of(({ sentRate }) => sentRate), colour: '--fair' },
      ] satisfies Series[],
    };
  }, [history]);
  if (times.length === 0) return <Empty>Nothing was measured yet.</Empty>;
  const span = SPANS[history.span].length;
  return (
    <>
      <Chart title="Round-trip time" times={times} span={span} series={rtt} format={milliseconds} />
      <Chart title="Lost and away" times={times} span={span} series={loss} format={percent} />
      <Chart title="Traffic" times={times} span={span} series={traffic} format={rate} />
    </>
  );
}

/** A step in which nobody measured is a gap, not a line across it. */
function withGaps({ points, step }: HistoryReport): {
  readonly time: number;
  readonly point: HistoryReport['points'][number] | null;
}[] {
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    const gap = before !== undefined && point.time - before.time > 1.5 * step;
    return [...(gap ? [{ time: before.time + step, point: null }] : []), { time: point.time, point }];
  });
}
