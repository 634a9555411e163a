/** `kith torrent show|verify|create`: torrent files without a swarm. */
import { writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { KithError, toHex } from '@kith/core';
import { createTorrent, nodeHashes, numberedFiles, readSource, reasonOf, verifyContent } from '@kith/share';
import { formatMagnet, type Magnet, magnetOf, type Metainfo, parseTorrent } from '@kith/torrent';
import { Bar } from '../bar.ts';
import type { Context } from '../context.ts';
import { bytes, plain, type Result, table } from '../output.ts';
import { parseSize } from '../sizes.ts';
import { requestOf } from './get.ts';
import { type MakeVerbOptions, versionOf } from './share.ts';

const PLAIN_OPTIONS = {
  ...{ output: undefined, select: [], peers: [], trackers: [] },
  ...{ public: false, sequential: false, overwrite: false },
};

export function usage(): Result {
  throw new KithError('USAGE', 'which of them? kith torrent show|verify|create');
}

export async function show(_context: Context, source: string): Promise<Result> {
  const { kind, source: named } = requestOf(source, PLAIN_OPTIONS, false);
  const found = await readSource(
    kind === 'magnet' ? { magnet: named } : kind === 'url' ? { url: named } : { file: named },
  );
  if (found.kind === 'magnet') return showMagnet(found.magnet);
  return showTorrent(parseTorrent(found.bytes, nodeHashes, { source }));
}

export async function verify(context: Context, file: string, folder: string | undefined): Promise<Result> {
  const found = await readSource({ file: resolve(file) });
  if (found.kind !== 'torrent') throw new KithError('USAGE', `${file} is no torrent file`);
  const bar = new Bar(context.json);
  try {
    const content = resolve(folder ?? '.');
    const report = await verifyContent(found.bytes, file, content, (fraction) => bar.show('checking', fraction, ''));
    bar.end();
    const { pieces, good, files } = report;
    const wrong = files.filter(({ state }) => state !== 'right');
    const rows = wrong.map(({ number, state, path }) => [`${number}`, state, plain(path)]);
    const text =
      wrong.length === 0
        ? `all ${files.length} ${files.length === 1 ? 'file is' : 'files are'} right`
        : [table(['NUMBER', 'STATE', 'FILE'], rows, ['NUMBER']), `${good} of ${pieces} pieces are right`].join('\n');
    return { json: report, text, exit: wrong.length === 0 ? 0 : 1 };
  } finally {
    bar.end();
  }
}

export async function create(
  context: Context,
  path: string,
  options: MakeVerbOptions & { readonly output: string | undefined; readonly comment: string | undefined },
): Promise<Result> {
  const { name, trackers, webSeeds, hidden, comment } = options;
  const version = versionOf(options.version);
  const bar = new Bar(context.json);
  try {
    const made = await createTorrent(path, {
      ...{ private: options.private, trackers: trackers.map((url) => [url]), webSeeds, hidden, createdBy: 'kith' },
      ...(name === undefined ? {} : { name }),
      ...(version === undefined ? {} : { version }),
      ...(comment === undefined ? {} : { comment }),
      ...(options.pieceSize === undefined ? {} : { pieceLength: parseSize(options.pieceSize, '--piece-size') }),
      onProgress: ({ hashed, total }) => bar.show(`hashing ${plain(path)}`, total === 0 ? 1 : hashed / total, ''),
    });
    bar.end();
    const output = options.output ?? `${basename(made.metainfo.name)}.torrent`;
    try {
      writeFileSync(output, made.torrent);
    } catch (cause) {
      throw new KithError('USAGE', `cannot write ${output}: ${reasonOf(cause)}`, { cause });
    }
    const magnet = formatMagnet(magnetOf(made.metainfo));
    const { skipped } = made;
    const left =
      skipped.length === 0
        ? []
        : [
            `left out: ${skipped.slice(0, 5).map(plain).join(', ')}${skipped.length > 5 ? ` and ${skipped.length - 5} more` : ''}`,
          ];
    return {
      json: { ...describe(made.metainfo), file: output, magnet, skipped },
      text: [output, magnet, ...left].join('\n'),
    };
  } finally {
    bar.end();
  }
}

function showMagnet(magnet: Magnet): Result {
  const { infoHash, infoHashV2, name, length, peers, select } = magnet;
  const json = {
    kind: 'magnet',
    name: name ?? null,
    infoHash: infoHash === undefined ? null : toHex(infoHash),
    infoHashV2: infoHashV2 === undefined ? null : toHex(infoHashV2),
    ...{
      length: length ?? null,
      trackers: magnet.trackers.flat(),
      webSeeds: magnet.webSeeds,
      peers,
      select: select ?? null,
    },
  };
  const rows = [
    ['name', plain(name ?? '-')],
    ['info-hash', json.infoHash ?? '-'],
    ['of version 2', json.infoHashV2 ?? '-'],
    ['size', length === undefined ? '-' : bytes(length)],
    ...json.trackers.map((url) => ['tracker', plain(url)]),
    ...magnet.webSeeds.map((url) => ['web seed', plain(url)]),
    ...peers.map(({ host, port }) => ['peer', `${plain(host)} ${port}`]),
  ];
  return { json, text: table(['LINK', ''], rows) };
}

function describe(metainfo: Metainfo): Record<string, unknown> {
  const { infoHash, infoHashV2, name, version, pieceLength, pieceCount, comment, createdBy, creationDate } = metainfo;
  const files = numberedFiles(metainfo);
  return {
    kind: 'torrent',
    ...{ name, version, private: metainfo.private, pieceLength, pieces: pieceCount },
    infoHash: infoHash === undefined ? null : toHex(infoHash),
    infoHashV2: infoHashV2 === undefined ? null : toHex(infoHashV2),
    size: files.reduce((sum, { length }) => sum + length, 0),
    ...{ trackers: metainfo.trackers, webSeeds: metainfo.webSeeds },
    ...{ comment: comment ?? null, createdBy: createdBy ?? null, created: creationDate ?? null },
    magnet: formatMagnet(magnetOf(metainfo)),
    files: files.map(({ number, path, length }) => ({ number, path, length })),
  };
}

function showTorrent(metainfo: Metainfo): Result {
  const { infoHash, infoHashV2, comment, createdBy, creationDate } = metainfo;
  const files = numberedFiles(metainfo);
  const size = files.reduce((sum, { length }) => sum + length, 0);
  const facts = [
    ['name', plain(metainfo.name)],
    ['version', metainfo.version],
    ...(infoHash === undefined ? [] : [['info-hash', toHex(infoHash)]]),
    ...(infoHashV2 === undefined ? [] : [['info-hash of version 2', toHex(infoHashV2)]]),
    ['size', `${bytes(size)} in ${metainfo.pieceCount} pieces of ${metainfo.pieceLength} bytes`],
    ...(metainfo.private ? [['private', 'peers come from the trackers alone']] : []),
    ...metainfo.trackers.map((tier, i) => [`trackers, tier ${i + 1}`, plain(tier.join(' '))]),
    ...metainfo.webSeeds.map((url) => ['web seed', plain(url)]),
    ...(comment === undefined ? [] : [['comment', plain(comment)]]),
    ...(createdBy === undefined ? [] : [['made by', plain(createdBy)]]),
    ...(creationDate === undefined ? [] : [['made', new Date(creationDate * 1000).toISOString()]]),
  ];
  const rows = files.map(({ number, length, path }) => [`${number}`, bytes(length), plain(path)]);
  const text = [table(['TORRENT', ''], facts), '', table(['NUMBER', 'SIZE', 'FILE'], rows, ['NUMBER', 'SIZE'])].join(
    '\n',
  );
  return { json: describe(metainfo), text };
}
