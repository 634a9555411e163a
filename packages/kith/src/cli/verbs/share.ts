/** `kith share`: makes torrents of files and folders and seeds them in the background. */
import { resolve } from 'node:path';
import { KithError } from '@kith/core';
import { connect } from '../../share/connect.ts';
import type { ShareReport } from '@kith/api';
import { Bar } from '../bar.ts';
import type { Context } from '../context.ts';
import { bytes, plain, type Result } from '../output.ts';
import { parseSize } from '../sizes.ts';

export interface MakeVerbOptions {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly trackers: readonly string[];
  readonly webSeeds: readonly string[];
  readonly pieceSize: string | undefined;
  readonly private: boolean;
  readonly hidden: boolean;
}

export interface ShareVerbOptions extends MakeVerbOptions {
  readonly public: boolean;
}

/** @throws KithError USAGE */
export function versionOf(text: string | undefined): 'v1' | 'v2' | 'hybrid' | undefined {
  if (text === undefined || text === 'v1' || text === 'v2' || text === 'hybrid') return text;
  throw new KithError('USAGE', `--version ${JSON.stringify(text)} is not allowed: it must be v1, v2 or hybrid`);
}

export async function share(context: Context, paths: readonly string[], options: ShareVerbOptions): Promise<Result> {
  if (paths.length === 0) throw new KithError('USAGE', 'what is to be shared? kith share PATH…');
  if (options.name !== undefined && paths.length > 1) throw new KithError('USAGE', '--name goes with one path only');
  const version = versionOf(options.version) ?? null;
  const pieceLength = options.pieceSize === undefined ? null : parseSize(options.pieceSize, '--piece-size');
  const client = await connect();
  const { trackers, webSeeds, hidden } = options;
  const shares: ShareReport[] = [];
  for (const path of paths) {
    const bar = new Bar(context.json);
    try {
      const made = client.make({
        ...{ path: resolve(path), name: options.name ?? null, version, pieceLength, trackers, webSeeds, hidden },
        ...{ private: options.private, public: options.public },
      });
      let report: ShareReport | undefined;
      for await (const line of made) {
        if ('share' in line) report = line.share;
        else {
          const { hashed, total } = line.progress;
          bar.show(`hashing ${plain(path)}`, total === 0 ? 1 : hashed / total, `${bytes(hashed)} of ${bytes(total)}`);
        }
      }
      if (report === undefined)
        throw new KithError('DAEMON_UNREACHABLE', `the share process ended while it made ${path}`);
      shares.push(report);
    } finally {
      bar.end();
    }
  }
  const text = shares.map((report) =>
    [
      `${plain(report.name)}  ${bytes(report.size)}  ${report.id.slice(0, 8)}  ${report.public ? 'public' : 'for the mesh'}`,
      ...(report.error === undefined ? [] : [`  ${plain(report.error.message)}`]),
      report.magnet,
      ...(report.link === undefined ? [] : [report.link]),
      ...(report.playlist === undefined ? [] : [report.playlist]),
    ].join('\n'),
  );
  return { json: { shares }, text: text.join('\n\n') };
}
