/** The gateway: what it runs, whom it serves, what the doctor says. */
import type { BanView, FindingView, GatewayReport, LeaseView, ServiceView, TrafficView } from '@kith/api';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { pathOf } from '../lib/api.ts';
import { ago, bytes, duration, rate } from '../lib/format.ts';
import { useReport } from '../lib/live.ts';
import { Act } from '../widgets/act.tsx';
import { Mark, type Tone } from '../widgets/marks.tsx';
import { Empty, Prose, Shown } from '../widgets/report.tsx';
import { type Column, Table } from '../widgets/table.tsx';

export function Gateway(): JSX.Element {
  const report = useReport<GatewayReport | null>(pathOf('gateway'), 'gateway');
  if (report.value === null) {
    return (
      <>
        <h1>Gateway</h1>
        <Empty>
          <Prose text="This machine is no gateway. `kith gateway init` writes the file, `kith gateway apply` makes it one." />
        </Empty>
      </>
    );
  }
  return (
    <Shown report={report}>
      {(gateway) =>
        gateway !== null && (
          <>
            <h1>{gateway.community}</h1>
            <State gateway={gateway} />
            <Findings gateway={gateway} refresh={report.refresh} />
            <h2>Services</h2>
            <Table caption="Services" columns={SERVICES} rows={gateway.services} rowKey={({ name }) => name} />
            <h2>Traffic</h2>
            <Table caption="Traffic" columns={TRAFFIC} rows={gateway.traffic} rowKey={({ interface: name }) => name} />
            <h2>Leases</h2>
            {gateway.leases.length === 0 ? (
              <Empty>Nobody has a lease.</Empty>
            ) : (
              <Table
                caption="Leases"
                columns={LEASES}
                rows={gateway.leases}
                rowKey={({ address }) => address}
                initial="address"
              />
            )}
            <Bans bans={gateway.bans} refresh={report.refresh} />
          </>
        )
      }
    </Shown>
  );
}

const STATES: Readonly<Record<GatewayReport['state'], string>> = {
  running: '',
  unconfirmed: 'What was applied last is taken back unless somebody confirms it: `kith gateway confirm`.',
  draining:
    'It is being taken out: leases are kept, new clients go to others. `kith gateway undrain` takes it back in.',
  none: 'Nothing is applied: `kith gateway apply`.',
};

function State({ gateway }: { readonly gateway: GatewayReport }): JSX.Element | null {
  const text = STATES[gateway.state];
  if (text === '') return null;
  return (
    <p class="notice">
      <Prose text={text} />
    </p>
  );
}

function Findings({
  gateway,
  refresh,
}: {
  readonly gateway: GatewayReport;
  readonly refresh: () => void;
}): JSX.Element {
  const { findings, examined } = gateway;
  const path = pathOf('examination');
  const looked = examined === null ? 'It has not looked yet.' : `It looked ${ago(examined)}.`;
  return (
    <section aria-label="Doctor">
      <h2>Doctor</h2>
      <div class="tools">
        <span>{findings.length === 0 && examined !== null ? `Nothing is wrong. ${looked}` : looked}</span>
        <Act path={path} body={{ mend: false }} done={refresh}>
          Look now
        </Act>
        {findings.some(({ fixable }) => fixable) && (
          <Act path={path} body={{ mend: true }} done={refresh} question="Mend what is safe to mend?">
            Mend what is safe
          </Act>
        )}
      </div>
      {findings.map((finding) => (
        <Finding key={finding.id + finding.whom} finding={finding} />
      ))}
    </section>
  );
}

function Finding({ finding }: { readonly finding: FindingView }): JSX.Element {
  const { severity, what, whom, cause, mend, command, line } = finding;
  return (
    <div class={`notice ${severity === 'error' ? 'bad' : severity === 'info' ? 'info' : ''}`}>
      <strong>
        {what} for {whom}
      </strong>
      <p>{cause}</p>
      <p>
        <Prose text={mend} /> {command !== null && <code>{command}</code>}
      </p>
      {line !== null && <p class="quiet">{line}</p>}
    </div>
  );
}

const SERVICE_TONES: Readonly<Record<ServiceView['state'], Tone>> = {
  ready: 'good',
  starting: 'fair',
  stopping: 'fair',
  failing: 'bad',
};

const SERVICES: readonly Column<ServiceView>[] = [
  { key: 'name', title: 'Service', show: ({ name }) => name, sort: ({ name }) => name },
  {
    key: 'state',
    title: 'State',
    show: ({ state }) => <Mark tone={SERVICE_TONES[state]}>{state}</Mark>,
    sort: ({ state }) => state,
  },
  { key: 'since', title: 'Since', show: ({ since }) => ago(since), sort: ({ since }) => since },
  {
    key: 'restarts',
    title: 'Restarts',
    numeric: true,
    show: ({ restarts }) => restarts,
    sort: ({ restarts }) => restarts,
  },
  { key: 'words', title: 'Last words', extra: true, show: ({ lastWords }) => lastWords.at(-1) ?? '' },
];

const TRAFFIC: readonly Column<TrafficView>[] = [
  { key: 'interface', title: 'Interface', show: (row) => row.interface, sort: (row) => row.interface },
  {
    ...{ key: 'now', title: 'Now', numeric: true, sort: (row) => row.receivedRate + row.sentRate },
    show: (row) => `↓ ${rate(row.receivedRate)} ↑ ${rate(row.sentRate)}`,
  },
  {
    ...{ key: 'today', title: 'Today', numeric: true, sort: (row) => row.receivedToday + row.sentToday },
    show: (row) => `↓ ${bytes(row.receivedToday)} ↑ ${bytes(row.sentToday)}`,
  },
  {
    ...{ key: 'month', title: 'This month', numeric: true, sort: (row) => row.receivedMonth + row.sentMonth },
    show: (row) => `↓ ${bytes(row.receivedMonth)} ↑ ${bytes(row.sentMonth)}`,
  },
];

const LEASES: readonly Column<LeaseView>[] = [
  { key: 'address', title: 'Address', show: ({ address }) => address, sort: ({ address }) => address },
  { key: 'name', title: 'Name', show: ({ name }) => name ?? '–', sort: ({ name }) => name ?? '' },
  { key: 'mac', title: 'Hardware address', show: ({ mac }) => mac, sort: ({ mac }) => mac },
  {
    ...{ key: 'expires', title: 'Ends', numeric: true, sort: ({ expires }) => expires ?? 2 ** 53 },
    show: ({ expires }) => (expires === null ? 'never' : `in ${duration(expires - Date.now())}`),
  },
];

function Bans({ bans, refresh }: { readonly bans: readonly BanView[]; readonly refresh: () => void }): JSX.Element {
  const [address, setAddress] = useState('');
  const path = pathOf('bans');
  const columns: readonly Column<BanView>[] = [
    { key: 'address', title: 'Address', show: (ban) => ban.address, sort: (ban) => ban.address },
    { key: 'reason', title: 'Why', show: ({ reason }) => reason, sort: ({ reason }) => reason },
    {
      ...{ key: 'until', title: 'Ends', numeric: true, sort: ({ until }) => until ?? 2 ** 53 },
      show: ({ until }) => (until === null ? 'never' : `in ${duration(until - Date.now())}`),
    },
    {
      ...{ key: 'lift', title: '' },
      show: (ban) => (
        <Act
          kind="small"
          path={path}
          body={{ address: ban.address, seconds: 0 }}
          done={refresh}
          label={`Lift the ban of ${ban.address}`}
        >
          Lift
        </Act>
      ),
    },
  ];
  return (
    <>
      <h2>Bans</h2>
      <div class="tools">
        <input
          aria-label="Address to ban"
          placeholder="198.51.100.7 or 2001:db8::/64"
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
        <Act
          path={path}
          body={{ address: address.trim(), seconds: null }}
          done={() => {
            setAddress('');
            refresh();
          }}
        >
          Ban
        </Act>
      </div>
      {bans.length === 0 ? (
        <Empty>Nobody is banned.</Empty>
      ) : (
        <Table caption="Bans" columns={columns} rows={bans} rowKey={(ban) => ban.address} initial="address" />
      )}
    </>
  );
}
