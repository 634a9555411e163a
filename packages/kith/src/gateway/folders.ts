/** Where a gateway keeps what lasts, and what does not outlive a start of the machine. */
import { join } from 'node:path';

const STATE = '/var/lib/kith/gateway';
const RUN = '/run/kith/gateway';

export interface GatewayFolders {
  /** Keys, leases, the daemons' configuration, the journal, bans, traffic. */
  readonly state: string;
  /** Sockets, records of processes. */
  readonly run: string;
}

/** `KITH_GATEWAY_STATE` and `KITH_GATEWAY_RUN` put them elsewhere. */
export function gatewayFolders(env: NodeJS.ProcessEnv = process.env): GatewayFolders {
  return { state: env['KITH_GATEWAY_STATE'] || STATE, run: env['KITH_GATEWAY_RUN'] || RUN };
}

/** The keeper's files in the run folder, and what outlives it in the state folder. */
export function keeperFiles({ state, run }: GatewayFolders): {
  readonly socket: string;
  readonly log: string;
  readonly errors: string;
  readonly records: string;
  readonly daemonLogs: string;
  readonly bans: string;
  readonly traffic: string;
  readonly map: string;
} {
  return {
    socket: join(run, 'keeper.sock'),
    log: join(run, 'keeper.log'),
    errors: join(run, 'keeper.stderr'),
    records: join(run, 'daemons'),
    daemonLogs: join(run, 'log'),
    bans: join(state, 'bans.sqlite'),
    traffic: join(state, 'traffic.sqlite'),
    map: join(state, 'map'),
  };
}
