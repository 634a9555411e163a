/** The API of the share process, without a socket. */
import type { Hono } from 'hono';
import { stream } from 'hono/streaming';
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
import { errorBody, jsonApp, jsonBody, wholeIn } from '../api/socket.ts';
import type { LogBook } from '../daemon/log.ts';
import { readChangeShareRequest, readGetRequest, readMakeRequest, readRatesRequest } from './requests.ts';
import { readStreamRequest, readTvRequest } from './requests.ts';
import { SHARE_BODY_LIMIT, SHARE_ROUTES } from './routes.ts';
import type { ShareService } from './service.ts';

/** ms between two lines about how far the hashing is. */
const PROGRESS_EVERY = 100;

export function shareApp(service: ShareService, log: LogBook, stop: () => void): Hono {
  const app = jsonApp(SHARE_BODY_LIMIT);
  const done: DoneReport = { done: true };
  app.get(SHARE_ROUTES.shares, (c) => c.json<SharesReport>(service.list()));
  app.post(SHARE_ROUTES.shares, async (c) => c.json<ShareReport>(await service.get(readGetRequest(await jsonBody(c)))));
  app.get(SHARE_ROUTES.share, (c) => c.json<ShareDetails>(service.details(c.req.param('id') ?? '')));
  app.post(SHARE_ROUTES.share, async (c) => {
    const request = readChangeShareRequest(await jsonBody(c));
    return c.json<ShareReport>(await service.change(c.req.param('id') ?? '', request));
  });
  app.post(SHARE_ROUTES.made, async (c) => {
    const request = readMakeRequest(await jsonBody(c));
    return stream(c, async (out) => {
      const abort = new AbortController();
      out.onAbort(() => abort.abort(new Error('the one who asked is gone')));
      const write = (line: MakeLine | ReturnType<typeof errorBody>): Promise<unknown> =>
        out.write(`${JSON.stringify(line)}\n`);
      let told = Number.NEGATIVE_INFINITY;
      try {
        const share = await service.make(
          request,
          (progress) => {
            if (performance.now() - told < PROGRESS_EVERY) return;
            told = performance.now();
            void write({ progress });
          },
          abort.signal,
        );
        await write({ share });
      } catch (error) {
        await write(errorBody(error));
      }
    });
  });
  app.post(SHARE_ROUTES.rates, async (c) => {
    service.setRates(readRatesRequest(await jsonBody(c)));
    return c.json(done);
  });
  app.post(SHARE_ROUTES.streams, async (c) =>
    c.json<StreamReport>(service.stream(readStreamRequest(await jsonBody(c)))),
  );
  app.get(SHARE_ROUTES.tv, (c) => c.json<TvReport>(service.tv()));
  app.post(SHARE_ROUTES.tv, async (c) => c.json<TvReport>(await service.setTv(readTvRequest(await jsonBody(c)))));
  app.get(SHARE_ROUTES.log, (c) => c.json<LogReport>({ lines: log.lines(wholeIn(c.req.query('since'), 'since')) }));
  app.post(SHARE_ROUTES.stop, (c) => {
    stop();
    return c.json(done);
  });
  return app;
}
