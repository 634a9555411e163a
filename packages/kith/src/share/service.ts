/** The calls of the share process's API on its engine. */
import { KithError } from '@kith/core';
import { type Engine, selectFiles, type Share } from '@kith/share';
import type { Links } from './links.ts';
import type { MeshPlaces } from './mesh.ts';
import type { PeerReport, ShareDetails, ShareReport, SharesReport, ShelfList, StreamReport, TvReport } from '@kith/api';
import type {
  ChangeShareRequest,
  GetRequest,
  MakeRequest,
  RatesRequest,
  StreamRequest,
  TvRequest,
} from './requests.ts';
import { webrtcProblems } from './problems.ts';
import type { Television } from './television.ts';

export interface ShareServiceInit {
  readonly engine: Engine;
  readonly links: Links;
  readonly television: Television;
  readonly places: () => MeshPlaces;
  /** Rates of all shares together changed, 0 for no limit. */
  readonly saveRates: (rates: { readonly down?: number; readonly up?: number }) => void;
}

/** What is played where nobody says which file: the largest of the first kind that there is. */
const KINDS = [
  /\.(?:mp4|m4v|webm|mkv|mov|avi|ogv|mpe?g|ts|m2ts|wmv)$/i,
  /\.(?:mp3|m4a|m4b|aac|og[ga]|opus|flac|wav)$/i,
  /./s,
];

export class ShareService {
  readonly #engine: Engine;
  readonly #init: ShareServiceInit;

  constructor(init: ShareServiceInit) {
    this.#engine = init.engine;
    this.#init = init;
  }

  list(): SharesReport {
    const shares = this.#engine.shares().map((share) => this.#report(share));
    return { pid: process.pid, port: this.#engine.port, shares, problems: webrtcProblems(this.#engine.webrtc) };
  }

  /** What members get to see: all that is not hidden from them. */
  shelf(): ShelfList {
    const hosts = this.#init.places().addresses;
    return {
      shares: this.#engine.shares().flatMap((share) => {
        const path = this.#init.links.path(share);
        const { id, name, size, files } = share.snapshot();
        if (path === undefined) return [];
        const magnet = share.magnet(hosts.map((host) => ({ host, port: this.#engine.port })));
        return [{ id, name, size, files, path, magnet }];
      }),
    };
  }

  /** @throws KithError SHARE_UNKNOWN */
  details(word: string): ShareDetails {
    const share = this.#find(word);
    const connected = share.peers().map(({ address, client, encrypted, progress, downRate, upRate }): PeerReport => ({
      address: address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`,
      ...{ client: client ?? null, encrypted, progress, downRate, upRate },
    }));
    const pieces = share.pieces();
    return {
      ...this.#report(share),
      ...{ content: share.files(), connected },
      ...(pieces === undefined
        ? {}
        : { pieces: { count: pieces.count, have: Buffer.from(pieces.have).toString('base64') } }),
    };
  }

  async make(
    request: MakeRequest,
    onProgress: (progress: { readonly hashed: number; readonly total: number }) => void,
    signal: AbortSignal,
  ): Promise<ShareReport> {
    const { path, name, version, pieceLength, trackers, webSeeds, hidden } = request;
    const share = await this.#engine.share(path, {
      ...{ trackers, webSeeds, hidden, private: request.private, public: request.public, onProgress, signal },
      ...(name === null ? {} : { name }),
      ...(version === null ? {} : { version }),
      ...(pieceLength === null ? {} : { pieceLength }),
      createdBy: 'kith',
    });
    return this.#report(share);
  }

  async get(request: GetRequest): Promise<ShareReport> {
    const { source, kind, folder, select, peers, trackers, sequential, noSeed, overwrite } = request;
    const named = kind === 'magnet' ? { magnet: source } : kind === 'url' ? { url: source } : { file: source };
    const share = await this.#engine.add(named, {
      ...{ content: folder, peers, trackers, public: request.public, sequential, noSeed, overwrite },
      ...(select.length === 0 ? {} : { select }),
    });
    return this.#report(share);
  }

  /** @throws KithError SHARE_UNKNOWN, SHARE_SELECTION, SHARE_ORIGINAL */
  async change(word: string, request: ChangeShareRequest): Promise<ShareReport> {
    const share = this.#find(word);
    switch (request.action) {
      case 'pause':
        share.pause();
        break;
      case 'resume':
        share.resume();
        break;
      case 'recheck':
        // It takes as long as it takes; `checked` tells how far it is.
        share.recheck().catch(() => undefined);
        break;
      case 'limit':
        share.setLimits({
          ...(request.down === null ? {} : { down: request.down || null }),
          ...(request.up === null ? {} : { up: request.up || null }),
        });
        break;
      case 'select':
        await share.select(request.select);
        break;
      case 'remove': {
        const report = this.#report(share);
        await this.#engine.remove(share, { data: request.data });
        this.#init.links.remove(share.id);
        return report;
      }
    }
    return this.#report(share);
  }

  setRates({ down, up }: RatesRequest): void {
    const rates = { ...(down === null ? {} : { down }), ...(up === null ? {} : { up }) };
    const unlimited = (rate: number): number => (rate === 0 ? Number.POSITIVE_INFINITY : rate);
    this.#engine.setRates({
      ...(down === null ? {} : { down: unlimited(down) }),
      ...(up === null ? {} : { up: unlimited(up) }),
    });
    this.#init.saveRates(rates);
  }

  /** @throws KithError SHARE_UNKNOWN, SHARE_SELECTION, SHARE_METADATA */
  stream(request: StreamRequest): StreamReport {
    const share = this.#find(request.id);
    const { metainfo } = share;
    if (metainfo === undefined) {
      throw new KithError('SHARE_METADATA', `nobody has told yet which files are in ${share.name}`);
    }
    const playable = metainfo.files.filter((file) => !file.padding && file.symlink === undefined);
    const priorities = request.file === null ? undefined : selectFiles(metainfo, [request.file]);
    const picked = playable.filter(
      (file) => priorities === undefined || priorities[metainfo.files.indexOf(file)] !== 0,
    );
    const kind = KINDS.find((each) => picked.some(({ path }) => each.test(path.at(-1) ?? '')));
    const [file] = picked.filter(({ path }) => kind?.test(path.at(-1) ?? '')).toSorted((a, b) => b.length - a.length);
    const path = file?.path.join('/') ?? '';
    const url = this.#init.links.url(share, path) ?? '';
    const playlist = this.#init.links.playlist(share, true);
    return { url, file: path, known: true, id: share.id, ...(playlist === undefined ? {} : { playlist }) };
  }

  tv(): TvReport {
    return this.#init.television.report();
  }

  /** @throws KithError SHARE_UNKNOWN, SHARE_TELEVISION */
  setTv(request: TvRequest): Promise<TvReport> {
    const ids = request.shares?.map((word) => this.#find(word).id);
    return this.#init.television.set(request, ids ?? null);
  }

  #report(share: Share): ShareReport {
    const { addresses } = this.#init.places();
    const hosts: readonly string[] = addresses.length > 0 ? addresses : ['127.0.0.1'];
    const link = this.#init.links.link(share);
    const playlist = this.#init.links.playlist(share, false);
    return {
      ...share.snapshot(),
      magnet: share.magnet(hosts.map((host) => ({ host, port: this.#engine.port }))),
      ...(link === undefined ? {} : { link }),
      ...(playlist === undefined ? {} : { playlist }),
    };
  }

  /** By id, the first characters of it, or name. */
  #find(word: string): Share {
    const shares = this.#engine.shares();
    const byId = /^[0-9a-f]{4,64}$/i.test(word)
      ? shares.filter(({ id }) => id.startsWith(word.toLowerCase()) || word.toLowerCase().startsWith(id))
      : [];
    const found = byId.length > 0 ? byId : shares.filter(({ name }) => name === word);
    const [share, other] = found;
    if (share === undefined) throw new KithError('SHARE_UNKNOWN', `no share ${JSON.stringify(word)}`);
    if (other === undefined) return share;
    const which = found.map(({ id }) => id.slice(0, 8)).join(', ');
    throw new KithError('SHARE_UNKNOWN', `${JSON.stringify(word)} means ${found.length} shares: ${which}`);
  }
}
