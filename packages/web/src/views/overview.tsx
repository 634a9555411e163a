/** What there is, in numbers, and what is wrong with it. */
import type { NetworkSummary, OverviewReport } from '@kith/api';
import type { JSX } from 'preact';
import { pathOf } from '../lib/api.ts';
import { rate } from '../lib/format.ts';
import { useReport } from '../lib/live.ts';
import { hrefTo } from '../lib/place.ts';
import { Alerts } from '../widgets/alerts.tsx';
import { Fact } from '../widgets/marks.tsx';
import { Empty, Prose, Shown } from '../widgets/report.tsx';

export function Overview(): JSX.Element {
  const report = useReport<OverviewReport>(pathOf('overview'), 'overview');
  return (
    <>
      <h1>Overview</h1>
      <Shown report={report}>
        {(overview) => (
          <>
            {overview.alerts.length === 0 && <p class="notice info">Nothing is wrong that kith knows of.</p>}
            <Alerts alerts={overview.alerts} />
            <div class="cards">
              {overview.networks.map((network) => (
                <Network key={network.label} network={network} />
              ))}
              {overview.networks.length === 0 && (
                <Empty>
                  <Prose text="This machine is in no network. `kith init NAME` makes one, `kith join TOKEN` joins one." />
                </Empty>
              )}
              <Shares overview={overview} />
              {overview.gateway !== null && <GatewayCard gateway={overview.gateway} />}
            </div>
          </>
        )}
      </Shown>
    </>
  );
}

function Network({ network }: { readonly network: NetworkSummary }): JSX.Element {
  const { label, problem, members, online, direct, relayed, receivedRate, sentRate, natReason } = network;
  return (
    <section class="card" aria-label={`Network ${label}`}>
      <h2>
        <a href={hrefTo('topology', label)}>{label}</a>
      </h2>
      {problem !== null ? (
        <p class="quiet">{problem.message}</p>
      ) : (
        <>
          <div class="big">
            {online} <span class="quiet">of {members} online</span>
          </div>
          <dl>
            <Fact name="Direct">{direct}</Fact>
            <Fact name="Through others">{relayed}</Fact>
            <Fact name="Traffic">
              ↓ {rate(receivedRate)} ↑ {rate(sentRate)}
            </Fact>
            <Fact name="This node">{natReason}</Fact>
          </dl>
        </>
      )}
    </section>
  );
}

function Shares({ overview }: { readonly overview: OverviewReport }): JSX.Element {
  const { count, active, downRate, upRate } = overview.shares;
  return (
    <section class="card" aria-label="Shares">
      <h2>
        <a href={hrefTo('transfers')}>Shares</a>
      </h2>
      <div class="big">
        {count} <span class="quiet">{active === 0 ? 'at rest' : `${active} active`}</span>
      </div>
      <dl>
        <Fact name="Coming">{rate(downRate)}</Fact>
        <Fact name="Going">{rate(upRate)}</Fact>
      </dl>
    </section>
  );
}

function GatewayCard({ gateway }: { readonly gateway: NonNullable<OverviewReport['gateway']> }): JSX.Element {
  const { community, clients, routers, findings } = gateway;
  return (
    <section class="card" aria-label="Gateway">
      <h2>
        <a href={hrefTo('gateway')}>{community}</a>
      </h2>
      <div class="big">
        {clients} <span class="quiet">{clients === 1 ? 'client' : 'clients'}</span>
      </div>
      <dl>
        <Fact name="Routers">{routers}</Fact>
        <Fact name="Doctor">{findings === 0 ? 'finds nothing wrong' : `${findings} findings`}</Fact>
      </dl>
    </section>
  );
}
