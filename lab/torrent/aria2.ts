/** aria2 from Debian, asked over its JSON-RPC on loopback. It takes no addresses of peers: they come to it. */
import { LabError } from '../src/error.ts';
import type { LabProcess } from '../src/process.ts';
import type { ClientStart, RunningClient, TorrentClient } from './client.ts';
import { freePort } from './ports.ts';
import { versionOf } from './programs.ts';
import { ClientProcess, spawnTied, until } from './running.ts';

const START_WITHIN = 20_000;

class Aria2 extends ClientProcess {
  readonly #rpcPort: number;

  constructor(process: LabProcess, rpcPort: number) {
    super('aria2', process);
    this.#rpcPort = rpcPort;
  }

  async progress(): Promise<number> {
    const { completed, total } = await this.#status();
    return total === 0 ? 0 : completed / total;
  }

  async uploaded(): Promise<number> {
    return (await this.#status()).uploaded;
  }

  /** The download itself: a magnet begins as one for the metadata, which another follows. */
  async #status(): Promise<{ completed: number; total: number; uploaded: number }> {
    const keys = ['completedLength', 'totalLength', 'uploadLength', 'bittorrent', 'errorMessage', 'followedBy'];
    const response = await fetch(`http://127.0.0.1:${this.#rpcPort}/jsonrpc`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'aria2.tellActive', params: [keys] }),
    });
    const answer: unknown = await response.json();
    if (typeof answer !== 'object' || answer === null || !('result' in answer) || !Array.isArray(answer.result)) {
      throw new LabError(`aria2 gave no answer: ${JSON.stringify(answer)}`);
    }
    for (const download of answer.result) {
      if (download.bittorrent?.info === undefined) continue;
      return {
        completed: Number(download.completedLength),
        total: Number(download.totalLength),
        uploaded: Number(download.uploadLength),
      };
    }
    return { completed: 0, total: 0, uploaded: 0 };
  }
}

async function start(start: ClientStart): Promise<RunningClient> {
  const rpcPort = await freePort();
  const options = {
    'bt-enable-lpd': 'false',
    'bt-min-crypto-level': start.encryption === 'required' ? 'arc4' : 'plain',
    'bt-require-crypto': String(start.encryption === 'required'),
    'bt-seed-unverified': String(start.seed),
    // What a download left behind when it was killed is used again; nothing is hashed where there is nothing.
    'check-integrity': String(!start.seed),
    'console-log-level': 'warn',
    dir: start.content,
    'enable-dht': String(start.dht !== undefined),
    'enable-dht6': 'false',
    'enable-peer-exchange': String(start.pex === true),
    'enable-rpc': 'true',
    'file-allocation': 'none',
    'follow-torrent': 'mem',
    interface: '127.0.0.1',
    'listen-port': String(start.port),
    'rpc-listen-port': String(rpcPort),
    'seed-ratio': '0.0',
    'show-console-readout': 'false',
    ...(start.dht?.[0] === undefined
      ? {}
      : {
          'dht-entry-point': `${start.dht[0].ip}:${start.dht[0].port}`,
          'dht-file-path': `${start.state}/dht.dat`,
          'dht-listen-port': String(start.port),
        }),
  };
  const source = 'file' in start.torrent ? start.torrent.file : start.torrent.magnet;
  const flags = Object.entries(options).map(([key, value]) => `--${key}=${value}`);
  const process = await spawnTied('aria2', ['aria2c', '--no-conf', ...flags, source], { HOME: start.state });
  const client = new Aria2(process, rpcPort);
  const answers = () =>
    client.progress().then(
      () => true,
      () => false,
    );
  await until(answers, START_WITHIN, () => 'aria2 did not answer');
  if (start.seed) await client.finished(START_WITHIN * 6);
  return client;
}

export const aria2: TorrentClient = {
  name: 'aria2',
  dials: false,
  missing: () => (versionOf('aria2c') === null ? 'the Debian package aria2' : null),
  version: () => versionOf('aria2c') ?? 'none',
  start,
};
