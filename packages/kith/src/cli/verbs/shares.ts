/** `kith shares`: all of them in a table, or one with its files, peers and trackers. */
import { connect, everShared } from '../../share/connect.ts';
import type { ShareDetails, ShareReport } from '@kith/api';
import type { Context } from '../context.ts';
import { bytes, duration, plain, type Result, table } from '../output.ts';

export async function shares(_context: Context, name: string | undefined): Promise<Result> {
  if (!everShared() && name === undefined)
    return { json: { pid: null, port: null, shares: [], problems: [] }, text: 'nothing is shared' };
  const client = await connect();
  if (name !== undefined) {
    const details = await client.details(name);
    return { json: details, text: describe(details) };
  }
  const report = await client.shares();
  const text = report.shares.length === 0 ? 'nothing is shared' : overview(report.shares);
  return {
    json: report,
    text: [text, ...report.problems.map(({ text: what, mend }) => plain(`${what}. ${mend}`))].join('\n'),
  };
}

function overview(all: readonly ShareReport[]): string {
  const rows = all.map((share) => [
    share.id.slice(0, 8),
    plain(share.name).slice(0, 40),
    bytes(share.size),
    stateOf(share),
    `${share.peers}`,
    share.downRate > 0 ? `${bytes(share.downRate)}/s` : '-',
    share.upRate > 0 ? `${bytes(share.upRate)}/s` : '-',
    bytes(share.uploaded),
    share.public ? 'public' : 'mesh',
  ]);
  const head = ['ID', 'NAME', 'SIZE', 'STATE', 'PEERS', 'DOWN', 'UP', 'GIVEN', 'FOR'];
  const problems = all.flatMap((share) => [
    ...(share.error === undefined ? [] : [`${share.id.slice(0, 8)}: ${plain(share.error.message)}`]),
    ...share.trackers.flatMap(({ problem }) =>
      problem === undefined ? [] : [`${share.id.slice(0, 8)}: ${plain(problem)}`],
    ),
  ]);
  return [table(head, rows, ['SIZE', 'PEERS', 'DOWN', 'UP', 'GIVEN']), ...problems].join('\n');
}

function stateOf(share: ShareReport): string {
  if (share.checked !== undefined) return `checking ${Math.floor(share.checked * 100)} %`;
  const left = share.eta === undefined ? '' : `, ${duration(share.eta * 1000)}`;
  return share.state === 'downloading' ? `${Math.floor(share.progress * 100)} %${left}` : share.state;
}

function describe(share: ShareDetails): string {
  const files = share.content.map((file) => [
    `${file.number}`,
    file.priority === 0 ? 'no' : `${file.length === 0 ? 100 : Math.floor((100 * file.done) / file.length)} %`,
    bytes(file.length),
    plain(file.path),
  ]);
  const peers = share.connected.map((peer) => [
    peer.address,
    plain(peer.client ?? '-').slice(0, 24),
    `${Math.floor(peer.progress * 100)} %`,
    `${bytes(peer.downRate)}/s`,
    `${bytes(peer.upRate)}/s`,
  ]);
  const trackers = share.trackers.map(
    (each) => `${plain(each.url)}  ${each.state}${each.problem === undefined ? '' : `: ${plain(each.problem)}`}`,
  );
  return [
    `${plain(share.name)}  ${share.id}`,
    `${stateOf(share)}, ${bytes(share.done)} of ${bytes(share.wanted)}, ${share.public ? 'public' : 'for the mesh'}`,
    ...(share.error === undefined ? [] : [plain(share.error.message)]),
    plain(share.path ?? share.folder),
    share.magnet,
    ...(share.link === undefined ? [] : [share.link]),
    ...(share.playlist === undefined ? [] : [share.playlist]),
    ...(files.length === 0 ? [] : ['', table(['NUMBER', 'HERE', 'SIZE', 'FILE'], files, ['NUMBER', 'HERE', 'SIZE'])]),
    ...(peers.length === 0 ? [] : ['', table(['PEER', 'CLIENT', 'HAS', 'DOWN', 'UP'], peers, ['HAS', 'DOWN', 'UP'])]),
    ...(trackers.length === 0 ? [] : ['', ...trackers]),
  ].join('\n');
}
