/** batman-adv through batctl, WireGuard through wg. */
import type { BatmanValue, WireGuardValue } from '@kith/gateway';
import { must } from '../../command.ts';

/** Settings of an interface that goes away with them need no removal: there is `after` always. */
export async function changeBatman(name: string, before: BatmanValue | null, after: BatmanValue): Promise<void> {
  for (const words of batmanCommands(before, after)) await must(['batctl', 'meshif', name, ...words]);
}

/** What of batctl's commands is needed, batctl(8) 2023.0. */
export function batmanCommands(before: BatmanValue | null, after: BatmanValue): string[][] {
  const commands: string[][] = [];
  const differs = (...keys: readonly (keyof BatmanValue)[]): boolean =>
    before === null || keys.some((key) => before[key] !== after[key]);
  const onOff = (value: boolean): string => (value ? '1' : '0');
  if (differs('originatorInterval')) commands.push(['orig_interval', String(after.originatorInterval)]);
  if (differs('hopPenalty')) commands.push(['hop_penalty', String(after.hopPenalty)]);
  if (differs('bridgeLoopAvoidance')) commands.push(['bridge_loop_avoidance', onOff(after.bridgeLoopAvoidance)]);
  if (differs('distributedArpTable')) commands.push(['distributed_arp_table', onOff(after.distributedArpTable)]);
  if (differs('multicastForceFlood')) commands.push(['multicast_forceflood', onOff(after.multicastForceFlood)]);
  // Bandwidths are taken together with `server` only.
  const rates = differs('down', 'up');
  if (rates || (differs('gatewayMode') && after.gatewayMode === 'server'))
    commands.push(['gw_mode', 'server', `${after.down}kbit/${after.up}kbit`]);
  if (after.gatewayMode === 'off' && (rates || differs('gatewayMode'))) commands.push(['gw_mode', 'off']);
  return commands;
}

/** @param key path of the file with the private key */
export async function changeWireGuard(
  name: string,
  before: WireGuardValue | null,
  after: WireGuardValue,
  key: string,
): Promise<void> {
  await must(['wg', 'set', name, ...wireGuardArguments(before, after, key)]);
}

/** In one command, so that the sessions of routers that stay are not disturbed. wg(8) 1.0.20210914. */
export function wireGuardArguments(before: WireGuardValue | null, after: WireGuardValue, key: string): string[] {
  const stay = new Set(after.peers.map(({ publicKey }) => publicKey));
  const gone = (before?.peers ?? []).filter(({ publicKey }) => !stay.has(publicKey));
  return [
    ...['listen-port', String(after.listenPort), 'private-key', key],
    ...gone.flatMap(({ publicKey }) => ['peer', publicKey, 'remove']),
    ...after.peers.flatMap(({ publicKey, allowed, endpoint }) => [
      ...['peer', publicKey, 'allowed-ips', allowed.join(',')],
      // Both ends may be behind something that forgets them.
      ...(endpoint === undefined ? [] : ['endpoint', endpoint, 'persistent-keepalive', '25']),
    ]),
  ];
}
