/** Makes, changes and removes addresses, routes, policy rules and entries of VXLANs' forwarding tables. */
import type { AddressValue, ForwardingValue, RouteValue, RuleValue } from '@kith/gateway';
import { Answer } from '../../answer.ts';
import { must, run } from '../../command.ts';
import { takeAway } from './programs.ts';

export async function changeAddress(before: AddressValue | null, after: AddressValue | null): Promise<void> {
  if (after === null) {
    if (before !== null) await takeAway(['ip', 'address', 'del', before.address, 'dev', before.device]);
    return;
  }
  // Services bind to it at once, and nobody else has it: its derivation is the community's.
  const kind = after.address.includes(':') ? ['nodad'] : ['broadcast', '+'];
  await must(['ip', 'address', 'replace', after.address, 'dev', after.device, ...kind]);
}

export async function changeRoute(before: RouteValue | null, after: RouteValue | null): Promise<void> {
  if (after !== null) await must(routeCommand('replace', after));
  // Another metric makes another route: the old one stands beside it.
  const stays = before === null || (after !== null && before.metric === after.metric);
  if (!stays) await takeAway(routeCommand('del', before));
}

function routeCommand(verb: 'replace' | 'del', route: RouteValue): string[] {
  const { family, type, destination, device, via, table, metric } = route;
  return [
    ...['ip', `-${family}`, 'route', verb, type, destination],
    ...(via === null ? [] : ['via', via]),
    ...(device === null ? [] : ['dev', device]),
    ...['table', String(table), 'metric', String(metric)],
  ];
}

export async function changeRule(before: RuleValue | null, after: RuleValue | null): Promise<void> {
  if (after !== null) {
    const add = ruleCommand('add', after);
    const { code, stderr } = await run(add);
    if (code !== 0 && !/file exists/i.test(stderr)) await must(add);
  }
  // Ours is in force before the old one goes: no packet finds neither.
  const stays =
    before === null || (after !== null && ruleCommand('add', before).join() === ruleCommand('add', after).join());
  if (!stays) await takeAway(ruleCommand('del', before));
}

function ruleCommand(verb: 'add' | 'del', { family, priority, iif, action }: RuleValue): string[] {
  const does = action === 'unreachable' ? ['unreachable'] : ['lookup', String(action.lookup)];
  return ['ip', `-${family}`, 'rule', verb, 'priority', String(priority), 'iif', iif, ...does];
}

export async function changeForwarding(before: ForwardingValue | null, after: ForwardingValue | null): Promise<void> {
  if (before !== null) await takeAway(await forwardingCommand('del', before));
  if (after === null) return;
  const append = await forwardingCommand('append', after);
  const { code, stderr } = await run(append);
  if (code !== 0 && !/file exists/i.test(stderr)) await must(append);
}

async function forwardingCommand(verb: 'append' | 'del', value: ForwardingValue): Promise<string[]> {
  const { device, mac, destination } = value;
  // A link-local destination says nothing without the interface that it is on.
  const over = destination.startsWith('fe80:') ? ['via', await underlayOf(device)] : [];
  return ['bridge', 'fdb', verb, mac, 'dev', device, 'dst', destination, ...over];
}

async function underlayOf(device: string): Promise<string> {
  const json = await must(['ip', '-j', '-d', 'link', 'show', 'dev', device]);
  const [link] = Answer.parse(json, '"ip -j -d link show"').list(1);
  return link?.field('linkinfo').field('info_data').field('link').text(64) ?? '';
}
