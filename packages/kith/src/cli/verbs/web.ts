/** `kith web`: the page of this machine's networks, gateway and shares. */
import { resolve } from 'node:path';
import { KithError } from '@kith/core';
import { serveHere } from '../../daemon/background.ts';
import { fileIn } from '../../state/paths.ts';
import { openFace, ownFaceFolder, stopFace } from '../../web/connect.ts';
import { type FaceSettings, isTiles } from '../../web/settings.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';

export interface WebOptions {
  readonly port: string | undefined;
  readonly mesh: boolean | undefined;
  readonly downloads: string | undefined;
  readonly tiles: string | undefined;
}

type Changes = Partial<Pick<FaceSettings, 'port' | 'mesh' | 'downloads' | 'tiles'>>;

/** @throws KithError USAGE */
function changesOf({ port, mesh, downloads, tiles }: WebOptions): Changes {
  const number = Number(port);
  if (port !== undefined && !(Number.isInteger(number) && number >= 0 && number < 65_536)) {
    throw new KithError('USAGE', `--port ${JSON.stringify(port)} is not allowed: it must be from 0 to 65535`);
  }
  if (tiles !== undefined && tiles !== 'none' && !isTiles(tiles)) {
    throw new KithError(
      'USAGE',
      `--tiles ${JSON.stringify(tiles)} is not allowed: it must be like https://tiles.example/{z}/{x}/{y}.png, or none`,
    );
  }
  return {
    ...(port === undefined ? {} : { port: number }),
    ...(mesh === undefined ? {} : { mesh }),
    ...(downloads === undefined ? {} : { downloads: resolve(downloads) }),
    ...(tiles === undefined ? {} : { tiles: tiles === 'none' ? null : tiles }),
  };
}

export async function web(_context: Context, options: WebOptions): Promise<Result> {
  const report = await openFace(changesOf(options));
  const others = report.places.filter((place) => !/\/\/(?:127\.0\.0\.1|localhost):/.test(place));
  const text = [report.url, ...others.map((place) => `for members: ${place}`)].join('\n');
  return { json: report, text };
}

export async function startWeb(context: Context, options: WebOptions & { foreground: boolean }): Promise<Result> {
  if (!options.foreground) return web(context, options);
  const { startFace } = await import('../../web/process.ts');
  const folder = ownFaceFolder();
  const changes = changesOf(options);
  await serveHere((sink) => startFace({ folder, changes, sink }), fileIn(folder, 'log'), context);
  return { json: { ended: true }, text: '' };
}

export async function stopWeb(): Promise<Result> {
  const done = await stopFace();
  return { json: done, text: 'the page is gone' };
}
