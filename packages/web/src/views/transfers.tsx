/** What comes and goes: how far each is, from whom, and how quickly it may. */
import type { PeerReport, ShareDetails, ShareFile, ShareReport, SharesReport } from '@kith/api';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Pieces } from '../draw/pieces.tsx';
import { pathOf } from '../lib/api.ts';
import { bytes, duration, percent, rate } from '../lib/format.ts';
import { useReport } from '../lib/live.ts';
import { hrefTo } from '../lib/place.ts';
import { Act } from '../widgets/act.tsx';
import { Alerts } from '../widgets/alerts.tsx';
import { Bar, Fact, Mark, type Tone } from '../widgets/marks.tsx';
import { Empty, Prose, Shown } from '../widgets/report.tsx';
import { type Column, Table } from '../widgets/table.tsx';

const TONES: Readonly<Record<ShareReport['state'], Tone>> = {
  metadata: 'fair',
  checking: 'fair',
  downloading: 'plain',
  seeding: 'good',
  paused: 'quiet',
  queued: 'quiet',
  stopped: 'quiet',
  error: 'bad',
};

const COLUMNS: readonly Column<ShareReport>[] = [
  {
    ...{ key: 'name', title: 'Name', sort: ({ name }) => name },
    show: ({ id, name }) => <a href={hrefTo('transfers', id)}>{name}</a>,
  },
  {
    ...{ key: 'state', title: 'State', sort: ({ state }) => state },
    show: ({ state }) => <Mark tone={TONES[state]}>{state}</Mark>,
  },
  {
    ...{ key: 'progress', title: 'Here', sort: ({ progress }) => progress },
    show: ({ progress }) => <Bar part={progress} label={percent(progress)} />,
  },
  { key: 'size', title: 'Size', numeric: true, show: ({ size }) => bytes(size), sort: ({ size }) => size },
  {
    key: 'down',
    title: 'Coming',
    numeric: true,
    show: ({ downRate }) => rate(downRate),
    sort: ({ downRate }) => downRate,
  },
  { key: 'up', title: 'Going', numeric: true, show: ({ upRate }) => rate(upRate), sort: ({ upRate }) => upRate },
  { key: 'peers', title: 'Peers', numeric: true, extra: true, show: ({ peers }) => peers, sort: ({ peers }) => peers },
  {
    ...{ key: 'left', title: 'Left', numeric: true, extra: true, sort: ({ eta }) => eta ?? 1e12 },
    show: ({ eta }) => (eta === undefined ? '' : duration(eta * 1000)),
  },
];

export function Transfers({ id }: { readonly id: string | undefined }): JSX.Element {
  return id === undefined ? <All /> : <One id={id} />;
}

function All(): JSX.Element {
  const report = useReport<SharesReport>(pathOf('shares'), 'shares');
  return (
    <>
      <h1>Transfers</h1>
      <Shown report={report}>
        {({ shares, problems }) => (
          <>
            <Alerts alerts={problems} />
            {shares.length === 0 ? (
              <Empty>
                <Prose text="Nothing comes or goes. Fetch something from the shelf, or share with `kith share PATH`." />
              </Empty>
            ) : (
              <Table caption="Transfers" columns={COLUMNS} rows={shares} rowKey={({ id }) => id} initial="name" />
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function One({ id }: { readonly id: string }): JSX.Element {
  const report = useReport<ShareDetails>(pathOf('share', { id }), 'shares');
  return (
    <>
      <p>
        <a href={hrefTo('transfers')}>← all transfers</a>
      </p>
      <Shown report={report}>{(share) => <Details share={share} refresh={report.refresh} />}</Shown>
    </>
  );
}

function Details({ share, refresh }: { readonly share: ShareDetails; readonly refresh: () => void }): JSX.Element {
  const { id, name, state, error, progress, wanted, done, size, eta, downloaded, uploaded, folder, link } = share;
  const path = pathOf('share', { id });
  const paused = state === 'paused' || state === 'stopped' || state === 'error';
  return (
    <>
      <h1>{name}</h1>
      {error !== undefined && (
        <p class="notice bad" role="alert">
          {error.message}
        </p>
      )}
      <div class="tools">
        <Act path={path} body={{ ...CHANGE, action: paused ? 'resume' : 'pause' }} done={refresh}>
          {paused ? 'Resume' : 'Pause'}
        </Act>
        <Act path={path} body={{ ...CHANGE, action: 'recheck' }} done={refresh}>
          Check again
        </Act>
        <Act
          kind="danger"
          path={path}
          body={{ ...CHANGE, action: 'remove' }}
          question={`End ${name}? The files stay.`}
          done={() => (location.hash = hrefTo('transfers'))}
        >
          End
        </Act>
        {link !== undefined && (
          <a href={link} target="_blank" rel="noopener">
            Open its page
          </a>
        )}
      </div>
      <div class="cards">
        <section class="card" aria-label="Progress">
          <dl>
            <Fact name="State">
              <Mark tone={TONES[state]}>{state}</Mark>
            </Fact>
            <Fact name="Here">
              {percent(progress)}, {bytes(done)} of {bytes(wanted)}
            </Fact>
            <Fact name="Size">{bytes(size)}</Fact>
            {eta !== undefined && <Fact name="Left">{duration(eta * 1000)}</Fact>}
            <Fact name="Loaded">{bytes(downloaded)}</Fact>
            <Fact name="Given">{bytes(uploaded)}</Fact>
            <Fact name="Folder">{folder}</Fact>
          </dl>
        </section>
        <Limits share={share} refresh={refresh} />
      </div>
      {share.pieces !== undefined && <Pieces pieces={share.pieces} />}
      <h2>Files</h2>
      <Table caption="Files" columns={FILES} rows={share.content} rowKey={({ number }) => String(number)} />
      <h2>Peers</h2>
      {share.connected.length === 0 ? (
        <Empty>Nobody is connected.</Empty>
      ) : (
        <Table caption="Peers" columns={PEERS} rows={share.connected} rowKey={({ address }) => address} />
      )}
    </>
  );
}

const CHANGE = { data: false, down: null, up: null, select: [] } as const;
const KILO = 1000;

function Limits({ share, refresh }: { readonly share: ShareDetails; readonly refresh: () => void }): JSX.Element {
  const shown = (limit: number | undefined): string => (limit === undefined ? '' : String(Math.round(limit / KILO)));
  const [down, setDown] = useState(shown(share.limits.down));
  const [up, setUp] = useState(shown(share.limits.up));
  const rateOf = (text: string): number => Math.max(0, Math.round(Number(text) * KILO)) || 0;
  return (
    <section class="card" aria-label="Limits">
      <h2>Limits</h2>
      <p>
        <label>
          Coming <input size={7} inputMode="numeric" value={down} onInput={(e) => setDown(e.currentTarget.value)} />{' '}
          kB/s
        </label>
      </p>
      <p>
        <label>
          Going <input size={7} inputMode="numeric" value={up} onInput={(e) => setUp(e.currentTarget.value)} /> kB/s
        </label>
      </p>
      <Act
        path={pathOf('share', { id: share.id })}
        body={{ ...CHANGE, action: 'limit', down: rateOf(down), up: rateOf(up) }}
        done={refresh}
      >
        Set
      </Act>{' '}
      <span class="quiet">empty for none</span>
    </section>
  );
}

const FILES: readonly Column<ShareFile>[] = [
  { key: 'path', title: 'File', show: ({ path }) => path, sort: ({ path }) => path },
  { key: 'length', title: 'Size', numeric: true, show: ({ length }) => bytes(length), sort: ({ length }) => length },
  {
    ...{ key: 'done', title: 'Here', sort: ({ done, length }) => (length === 0 ? 1 : done / length) },
    show: ({ done, length, priority }) =>
      priority === 0 ? (
        'not wanted'
      ) : (
        <Bar part={length === 0 ? 1 : done / length} label={percent(length === 0 ? 1 : done / length)} />
      ),
  },
];

const PEERS: readonly Column<PeerReport>[] = [
  { key: 'address', title: 'Peer', show: ({ address }) => address, sort: ({ address }) => address },
  { key: 'client', title: 'Client', show: ({ client }) => client ?? '–', sort: ({ client }) => client ?? '' },
  {
    key: 'has',
    title: 'Has',
    numeric: true,
    show: ({ progress }) => percent(progress),
    sort: ({ progress }) => progress,
  },
  {
    key: 'down',
    title: 'Coming',
    numeric: true,
    show: ({ downRate }) => rate(downRate),
    sort: ({ downRate }) => downRate,
  },
  { key: 'up', title: 'Going', numeric: true, show: ({ upRate }) => rate(upRate), sort: ({ upRate }) => upRate },
];
