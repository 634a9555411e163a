/** A supervisor in a process of its own. */
import type { DaemonValue } from '@kith/gateway';
import { type DaemonReport, Supervisor } from '@kith/host';
import type { Timing } from '../../src/supervisor/daemon.ts';
import { Remote, serve } from '../remote.ts';

interface Request {
  readonly start?: string;
  readonly value?: DaemonValue;
}

export type RemoteSupervisor = Remote<Request, readonly DaemonReport[]>;

export function remoteSupervisor(
  folder: string,
  timing: Partial<Timing>,
  namespace: string | null = null,
): RemoteSupervisor {
  return new Remote(new URL(import.meta.url), [folder, JSON.stringify(timing)], namespace);
}

if (import.meta.main) {
  const [folder = '', timing = '{}'] = process.argv.slice(2);
  const supervisor = await Supervisor.open({
    folder: `${folder}/daemons`,
    logs: `${folder}/log`,
    timing: JSON.parse(timing),
  });
  await serve(async ({ start, value }: Request) => {
    if (start !== undefined && value !== undefined) await supervisor.start(start, value);
    return supervisor.list();
  });
  await supervisor.close();
}
