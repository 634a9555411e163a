/**
 * chrony.conf: the time for clients of both families. Manual: chrony.conf(5) 4.3. Each family needs an `allow` of its
 * own: without it questions over IPv6 get no answer at all, and routers ask over nothing else.
 */
import { type Gateway } from '../derive/gateway.ts';

export function chronyConf(gateway: Gateway): string {
  const { settings, domains, host } = gateway;
  const lines = [
    ...settings.ntp.upstreams.map((upstream) => `server ${upstream} iburst`),
    ...domains.flatMap(({ domain }) => [`allow ${domain.prefix4}`, `allow ${domain.prefix6}`]),
    // Without the world the community still shares one time.
    'local stratum 10',
    'makestep 1.0 3',
    ...(settings.ntp.upstreams.length > 0 ? [`driftfile ${chronyFolder(gateway)}/drift`] : []),
    `pidfile ${host.folders.run}/chronyd.pid`,
    `bindcmdaddress ${host.folders.run}/chrony/chronyd.sock`,
    'cmdport 0',
  ];
  return `${lines.join('\n')}\n`;
}

/** Where chronyd remembers how fast the clock runs. */
export function chronyFolder({ host }: Gateway): string {
  return `${host.folders.state}/chrony`;
}

/** Where no servers are named the host keeps its own clock, and chronyd must leave it alone. */
export function chronyArguments(gateway: Gateway, path: string): string[] {
  return ['chronyd', '-d', ...(gateway.settings.ntp.upstreams.length === 0 ? ['-x'] : []), '-f', path];
}
