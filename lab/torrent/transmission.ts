/** transmission-daemon from Debian, steered over its RPC on loopback. It takes no addresses of peers: they come to it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../src/error.ts';
import type { LabProcess } from '../src/process.ts';
import type { ClientStart, RunningClient, TorrentClient } from './client.ts';
import { freePort } from './ports.ts';
import { versionOf } from './programs.ts';
import { ClientProcess, spawnTied, until } from './running.ts';

const START_WITHIN = 20_000;
/** Values of Transmission's `encryption` setting. */
const ENCRYPTION = { off: 0, own: 1, required: 2 } as const;

interface Torrent {
  readonly percentDone: number;
  readonly uploadedEver: number;
  /** 4 downloading, 6 seeding; 1 and 2 checking. */
  readonly status: number;
  readonly errorString: string;
}

/** The RPC: JSON over HTTP, with a session id that the first answer tells. */
class Rpc {
  readonly #url: string;
  #session = '';

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/transmission/rpc`;
  }

  async call(method: string, args: object): Promise<unknown> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'X-Transmission-Session-Id': this.#session },
        body: JSON.stringify({ method, arguments: args }),
      });
      if (response.status === 409) {
        this.#session = response.headers.get('X-Transmission-Session-Id') ?? '';
        await response.arrayBuffer();
        continue;
      }
      const answer: unknown = await response.json();
      if (typeof answer !== 'object' || answer === null || !('result' in answer) || !('arguments' in answer)) break;
      if (answer.result !== 'success') throw new LabError(`transmission refused ${method}: ${String(answer.result)}`);
      return answer.arguments;
    }
    throw new LabError(`transmission gave no answer to ${method}`);
  }

  async torrent(): Promise<Torrent> {
    const fields = ['percentDone', 'uploadedEver', 'status', 'errorString'];
    const answer = await this.call('torrent-get', { fields });
    if (typeof answer === 'object' && answer !== null && 'torrents' in answer && Array.isArray(answer.torrents)) {
      const [torrent] = answer.torrents;
      if (torrent !== undefined) return torrent;
    }
    throw new LabError('transmission has no torrent');
  }
}

class Transmission extends ClientProcess {
  readonly #rpc: Rpc;

  constructor(process: LabProcess, rpc: Rpc) {
    super('transmission', process);
    this.#rpc = rpc;
  }

  async progress(): Promise<number> {
    const { percentDone, status, errorString } = await this.#rpc.torrent();
    if (errorString !== '') throw new LabError(`transmission: ${errorString}`);
    return status === 6 ? 1 : Math.min(percentDone, 0.999999);
  }

  async uploaded(): Promise<number> {
    return (await this.#rpc.torrent()).uploadedEver;
  }
}

async function start(start: ClientStart): Promise<RunningClient> {
  const rpcPort = await freePort();
  const settings = {
    'bind-address-ipv4': '127.0.0.1',
    'bind-address-ipv6': '::1',
    'cache-size-mb': 4,
    'dht-enabled': start.dht !== undefined,
    'download-dir': start.content,
    encryption: ENCRYPTION[start.encryption ?? 'own'],
    'lpd-enabled': false,
    'peer-port': start.port,
    'pex-enabled': start.pex === true,
    'port-forwarding-enabled': false,
    'rpc-bind-address': '127.0.0.1',
    'rpc-host-whitelist-enabled': false,
    'rpc-port': rpcPort,
    'utp-enabled': false,
    'watch-dir-enabled': false,
  };
  writeFileSync(join(start.state, 'settings.json'), JSON.stringify(settings));
  const bootstrap = (start.dht ?? []).map(({ ip, port }) => `${ip} ${port}\n`).join('');
  if (bootstrap !== '') writeFileSync(join(start.state, 'dht.bootstrap'), bootstrap);
  const argv = ['transmission-daemon', '--foreground', '--config-dir', start.state, '--log-error'];
  const process = await spawnTied('transmission', argv);
  const rpc = new Rpc(rpcPort);
  const answers = () =>
    rpc.call('session-get', { fields: ['version'] }).then(
      () => true,
      () => false,
    );
  await until(answers, START_WITHIN, () => 'transmission did not answer');
  const source = 'file' in start.torrent ? start.torrent.file : start.torrent.magnet;
  await rpc.call('torrent-add', { filename: source, 'download-dir': start.content, paused: false });
  const client = new Transmission(process, rpc);
  if (start.seed) await client.finished(START_WITHIN * 6);
  return client;
}

export const transmission: TorrentClient = {
  name: 'transmission',
  dials: false,
  missing: () => (versionOf('transmission-daemon') === null ? 'the Debian package transmission-daemon' : null),
  version: () => versionOf('transmission-daemon') ?? 'none',
  start,
};
