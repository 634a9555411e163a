/** Typed calls of the share process. */
import { Caller, throwIfError } from '../api/caller.ts';
import type {
  DoneReport,
  LogReport,
  MakeLine,
  ShareDetails,
  ShareReport,
  SharesReport,
  StreamReport,
  TvReport,
} from '@kith/api';
import type {
  ChangeShareRequest,
  GetRequest,
  MakeRequest,
  RatesRequest,
  StreamRequest,
  TvRequest,
} from './requests.ts';
import { SHARE_ROUTES } from './routes.ts';

const NOTHING: Omit<ChangeShareRequest, 'action'> = { data: false, down: null, up: null, select: [] };

export class ShareClient {
  readonly #caller: Caller;

  constructor(socket: string) {
    this.#caller = new Caller(socket);
  }

  shares(): Promise<SharesReport> {
    return this.#caller.json('GET', SHARE_ROUTES.shares);
  }

  details(id: string): Promise<ShareDetails> {
    return this.#caller.json('GET', SHARE_ROUTES.share.replace(':id', encodeURIComponent(id)));
  }

  get(body: GetRequest): Promise<ShareReport> {
    return this.#caller.json('POST', SHARE_ROUTES.shares, body);
  }

  /** Lines while the torrent is made; the last one has the share. */
  async *make(body: MakeRequest): AsyncGenerator<MakeLine> {
    for await (const line of this.#caller.lines('POST', SHARE_ROUTES.made, body)) {
      const value: unknown = JSON.parse(line);
      throwIfError(value);
      yield value as MakeLine;
    }
  }

  change(id: string, body: Partial<ChangeShareRequest> & Pick<ChangeShareRequest, 'action'>): Promise<ShareReport> {
    return this.#caller.json('POST', SHARE_ROUTES.share.replace(':id', encodeURIComponent(id)), {
      ...NOTHING,
      ...body,
    });
  }

  setRates(body: RatesRequest): Promise<DoneReport> {
    return this.#caller.json('POST', SHARE_ROUTES.rates, body);
  }

  stream(body: StreamRequest): Promise<StreamReport> {
    return this.#caller.json('POST', SHARE_ROUTES.streams, body);
  }

  tv(): Promise<TvReport> {
    return this.#caller.json('GET', SHARE_ROUTES.tv);
  }

  setTv(body: TvRequest): Promise<TvReport> {
    return this.#caller.json('POST', SHARE_ROUTES.tv, body);
  }

  log(since: number): Promise<LogReport> {
    return this.#caller.json('GET', `${SHARE_ROUTES.log}?since=${since}`);
  }

  stop(): Promise<DoneReport> {
    return this.#caller.json('POST', SHARE_ROUTES.stop);
  }
}
