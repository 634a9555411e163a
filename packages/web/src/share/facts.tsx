/** The swarm as this page sees it. */
import type { JSX } from 'preact';
import type { EngineClient } from '../engine/client.ts';
import type { EngineReport, LinkState, ShareInfo } from '../engine/messages.ts';
import { bytes, percent, rate } from '../lib/format.ts';
import { Fact, Mark, type Tone } from '../widgets/marks.tsx';

const NODE: Readonly<Record<LinkState, readonly [tone: Tone, text: string]>> = {
  connecting: ['fair', 'connecting'],
  connected: ['good', 'connected'],
  idle: ['quiet', 'nothing to exchange'],
  away: ['bad', 'away'],
};

export function Facts({
  engine,
  report,
  share,
}: {
  readonly engine: EngineClient;
  readonly report: EngineReport;
  readonly share: ShareInfo;
}): JSX.Element {
  const [tone, text] = NODE[report.node];
  const browsers = report.peers.filter(({ kind }) => kind === 'browser').length;
  const here = report.done.reduce((sum, done) => sum + done, 0);
  return (
    <section class="card" aria-labelledby="swarm">
      <h2 id="swarm">How it travels</h2>
      <dl>
        <Fact name={location.host}>
          <Mark tone={tone}>{text}</Mark>
        </Fact>
        <Fact name="Other browsers">{report.meeting === null ? 'out of reach' : browsers}</Fact>
        <Fact name="Coming">{rate(report.downRate)}</Fact>
        <Fact name="Given on">
          {bytes(report.uploaded)}, {rate(report.upRate)}
        </Fact>
        <Fact name="Here">
          {bytes(here)} of {bytes(share.size)}
          {report.resumed > 0 && `, ${bytes(report.resumed)} from before`}
        </Fact>
      </dl>
      {report.peers.length > 0 && <Peers peers={report.peers} />}
      {report.kept.place === 'disk' && here > 0 && (
        <button type="button" class="small danger" onClick={() => forget(engine, 'this')}>
          Delete what this browser keeps of it
        </button>
      )}
    </section>
  );
}

function Peers({ peers }: { readonly peers: EngineReport['peers'] }): JSX.Element {
  return (
    <details>
      <summary>{peers.length === 1 ? 'One connection' : `${peers.length} connections`}</summary>
      <div class="table" tabIndex={0} role="region" aria-label="Connections">
        <table>
          <thead>
            <tr>
              <th scope="col">To</th>
              <th scope="col">Has</th>
              <th scope="col" class="number">
                Came
              </th>
              <th scope="col" class="number">
                Given
              </th>
            </tr>
          </thead>
          <tbody>
            {peers.map((peer, i) => (
              <tr key={i} data-kind={peer.kind} data-down={peer.downloaded} data-up={peer.uploaded}>
                <td>
                  {peer.kind === 'node' ? location.host : 'a browser'} {peer.client !== '' && `(${peer.client})`}
                </td>
                <td>{percent(peer.progress)}</td>
                <td class="number">
                  {bytes(peer.downloaded)}, {rate(peer.downRate)}
                </td>
                <td class="number">
                  {bytes(peer.uploaded)}, {rate(peer.upRate)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

export function forget(engine: EngineClient, what: 'this' | 'others'): void {
  const whose = what === 'this' ? '' : ` of other shares from ${location.host}`;
  if (!confirm(`Delete what this browser loaded${whose}? Whoever gets it from here has to get it elsewhere.`)) return;
  engine.forget(what);
  // The worker has its files open until it is gone, and starts from nothing after it.
  setTimeout(() => location.reload(), 500);
}
