/** A gateway that was really applied, kept by one process in its namespace, which does what a test tells it. */
import { join } from 'node:path';
import { type Desired, desiredOn, type Documents, type Finding, gatewayOn, readGatewayFile } from '@kith/gateway';
import {
  type DaemonReport,
  type Examination,
  examine,
  fix,
  hostFacts,
  hostOn,
  identityIn,
  Responder,
  Supervisor,
  Transactions,
} from '@kith/host';
import { serve } from '../remote.ts';
import { until } from '../until.ts';

export interface Request {
  readonly verb: 'apply' | 'examine' | 'fix' | 'kill' | 'revived' | 'stop' | 'begin' | 'mute' | 'remove';
  /** Of a daemon. */
  readonly name?: string;
  /** As if nobody kept the daemons. */
  readonly keeperless?: boolean;
  readonly findings?: readonly Finding[];
}

export type Answer = Examination;

const [folder = '', text = ''] = process.argv.slice(2);
const folders = { state: join(folder, 'state'), run: join(folder, 'run') };
const file = readGatewayFile(text, 'kith.yaml');
const host = await hostOn({ name: 'tower', exit: 'eth0', mesh: null, draining: false, folders });
const gateway = gatewayOn(host, file.settings, await identityIn(folders.state, file.settings));
const desired = clockless(desiredOn(gateway, file.causeOf));
const daemons = await Supervisor.open({
  folder: join(folders.run, 'daemons'),
  logs: join(folder, 'log'),
  timing: { ready: 10_000 },
});
const transactions = new Transactions({ folders, daemons });
const bridge = gateway.domains[0]?.names.bridge ?? '';
const responder = new Responder({
  segments: [{ interface: bridge, prefixes: [], documents: () => Promise.resolve(OWN) }],
  jitter: 200,
});

const OWN: Documents = { nodeinfo: { node_id: '0200000000aa', hostname: 'tower', network: {}, software: {} } };

/** chronyd must leave this machine's clock alone. */
function clockless({ wanted, rulesets }: Desired): Desired {
  return {
    rulesets,
    wanted: wanted.map((each) => {
      if (each.item.kind !== 'daemon' || each.item.name !== 'chronyd') return each;
      const value = { ...each.item.value, argv: [...each.item.value.argv, '-x'] };
      return { ...each, item: { ...each.item, value } };
    }),
  };
}

/** Process id of the daemon that was killed last. */
let killed = 0;

const apply = () => transactions.apply({ desired, inForce: { file: 'kith.yaml', text, draining: false } });

async function reportOf(name: string): Promise<DaemonReport | undefined> {
  return (await daemons.list()).find((report) => report.name === name);
}

async function obey({ verb, name = '', keeperless = false, findings = [] }: Request): Promise<unknown> {
  switch (verb) {
    case 'apply':
      await apply();
      await responder.start();
      return null;
    case 'examine': {
      const observed = await transactions.observe(desired);
      const reports = keeperless ? null : await daemons.list();
      return examine({ gateway, desired, causeOf: file.causeOf, observed, host: await hostFacts(), daemons: reports });
    }
    case 'fix':
      return fix(findings, { desired, daemons, apply });
    case 'kill':
      killed = (await reportOf(name))?.pid ?? 0;
      process.kill(killed, 'SIGKILL');
      return null;
    case 'revived':
      await until(`${name} runs again`, async () => {
        const pid = (await reportOf(name))?.pid ?? null;
        return pid !== null && pid !== killed;
      });
      return null;
    case 'begin': {
      const wanted = desired.wanted.find(({ item }) => item.kind === 'daemon' && item.name === name);
      if (wanted?.item.kind === 'daemon') await daemons.start(name, wanted.item.value, true);
      return null;
    }
    case 'stop':
      await daemons.stop(name);
      return null;
    case 'mute':
      await responder.stop();
      return null;
    case 'remove':
      await responder.stop();
      await transactions.remove();
      return null;
  }
}

await serve(obey);
await daemons.close();
