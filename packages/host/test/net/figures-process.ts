/** Puts up the large file's firewall in the network namespace that it is started in, and prints the figures. */
import { type Figures, gatherGateway, metricsText, must } from '@kith/host';
import { desiredFrom, gatewayFrom, hostNamed, LARGE } from '../../../gateway/test/sample.ts';

const [state = ''] = process.argv.slice(2);
const host = hostNamed('tower', { folders: { state, run: `${state}/run` } });
for (const text of Object.values(desiredFrom(LARGE, host).rulesets)) await must(['nft', '-f', '-'], { input: text });
await must(['ping', '-c', '3', '-i', '0.2', '10.80.0.2']);
const gateway = await gatherGateway(
  {
    gateway: gatewayFrom(LARGE, host),
    daemons: [],
    bans: null,
    batman: () => Promise.resolve(null),
    fastd: () => Promise.resolve(null),
  },
  Date.now(),
);
const figures: Figures = { version: '1', gateway, map: null, responder: null, mesh: null, share: null };
process.stdout.write(metricsText(figures));
