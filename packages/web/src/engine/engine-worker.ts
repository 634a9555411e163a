/** The engine's worker: one share, for as long as its page is open. */
import { codeOf } from '@kith/core';
import { Engine } from './engine.ts';
import type { FromEngine, ToEngine } from './messages.ts';

let engine: Engine | undefined;
/** What is asked for while it starts. */
let waiting: (() => void)[] | undefined = [];

addEventListener('message', ({ data }: MessageEvent<ToEngine>) => {
  if (data.kind === 'start') void start(data);
  else if (waiting === undefined) act(data);
  else waiting.push(() => act(data));
});

async function start(data: ToEngine & { readonly kind: 'start' }): Promise<void> {
  try {
    engine = await Engine.start(data, (report) => tell({ kind: 'report', report }));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ kind: 'failed', code: codeOf(error) || 'INTERNAL', message });
  }
  const late = waiting ?? [];
  waiting = undefined;
  for (const work of late) work();
}

function act(asked: Exclude<ToEngine, { readonly kind: 'start' }>): void {
  if (asked.kind === 'want') engine?.want(asked.files);
  else if (asked.kind === 'forget') void engine?.forget(asked.what);
  else if (engine === undefined) asked.port.postMessage({ status: 503, headers: [] });
  else engine.answer(asked.request, asked.port);
}

function tell(message: FromEngine): void {
  postMessage(message);
}
