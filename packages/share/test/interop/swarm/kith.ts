/** kith's engine as a program of its own, behind the same contract as the programs that nobody here wrote. */
import { fileURLToPath } from 'node:url';
import type { Host } from '@kith/lab';
import {
  ScriptedClient,
  startScripted,
  type ClientStart,
  type RunningClient,
  type TorrentClient,
} from '@kith/lab/torrent';
import type { Prefix } from '@kith/core';
import type { DiskOptions } from '@kith/share';
import type { SwarmLimits, TorrentState } from '@kith/torrent';

const PROGRAM = fileURLToPath(new URL('kith-program.ts', import.meta.url));
const COMMAND = [process.execPath, '--conditions=source', PROGRAM];

export interface KithStart extends ClientStart {
  /** Of the torrent, bytes per second. */
  readonly upLimit?: number;
  readonly downLimit?: number;
  readonly limits?: Partial<SwarmLimits>;
  /** Who may be a peer besides this machine and `peers`. */
  readonly allow?: readonly Prefix[];
  readonly disk?: DiskOptions;
  /** Where to listen. Default 127.0.0.1. */
  readonly addresses?: readonly string[];
}

/** What the program says of itself. Bytes. */
export interface Report {
  readonly progress: number;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly corrupt: number;
  readonly state: TorrentState;
  /** Pieces that were there at the start. */
  readonly resumed: number;
  /** Why connections ended. */
  readonly partings: readonly string[];
  readonly peers: readonly PeerReport[];
  /** Addresses that it knows of. */
  readonly candidates: number;
  readonly memory: Readonly<Record<'heapUsed' | 'external' | 'arrayBuffers' | 'rss', number>>;
  /** Ms from the start to the first piece. */
  readonly firstBlock?: number;
}

interface PeerReport {
  readonly client: string;
  readonly ip: string;
  readonly incoming: boolean;
  readonly encrypted: boolean;
  readonly uploaded: number;
  readonly downloaded: number;
}

export interface RunningKith extends RunningClient {
  report(): Promise<Report>;
}

export async function startKith(start: KithStart): Promise<RunningKith> {
  return reporting(await startScripted('kith', [...COMMAND], start));
}

/** On a machine of a lab. */
export async function startKithOn(host: Host, start: KithStart): Promise<RunningKith> {
  const process = await host.spawn([...COMMAND, JSON.stringify(start)]);
  await process.waitFor(/^\{"listening"/, 20_000);
  return reporting(new ScriptedClient('kith', process));
}

function reporting(client: ScriptedClient): RunningKith {
  return Object.assign(client, {
    report: async (): Promise<Report> => {
      const answer = await client.ask();
      if (!isReport(answer)) throw new TypeError(`no report: ${JSON.stringify(answer)}`);
      return answer;
    },
  });
}

/** The program is ours: one field tells that it is its report and nobody else's. */
function isReport(answer: object): answer is Report {
  return 'memory' in answer && 'peers' in answer;
}

export const kith: TorrentClient = {
  name: 'kith',
  dials: true,
  missing: () => null,
  version: () => 'this one',
  start: startKith,
};
