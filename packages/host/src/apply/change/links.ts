/** Makes, changes and removes interfaces. */
import type { Change, LinkValue } from '@kith/gateway';
import { ipBatch, takeAway } from './programs.ts';

export async function changeLink(name: string, change: Change): Promise<void> {
  const [before, after] = [valueOf(change.before), valueOf(change.after)];
  switch (change.operation) {
    case 'remove':
      if (before?.type !== 'adopted') await removeLink(name);
      return;
    case 'rebuild':
    case 'remake':
      await removeLink(name);
      if (after !== null) await ipBatch(makingOf(name, after));
      return;
    case 'restore':
      // An interface that was the machine's own and was pulled out comes back with the machine's own hands.
      if (before === null && after?.type === 'adopted') return;
      break;
    case 'add':
    case 'change':
    case 'restart':
      break;
  }
  if (after === null) return;
  await ipBatch(before === null ? makingOf(name, after) : changingOf(name, before, after));
}

function valueOf(item: Change['before']): LinkValue | null {
  return item?.kind === 'link' ? item.value : null;
}

async function removeLink(name: string): Promise<void> {
  await takeAway(['ip', 'link', 'delete', 'dev', name]);
}

/** Commands of `ip -batch` that make a link, in one breath: half a bridge would be up with a wrong address. */
export function makingOf(name: string, value: LinkValue): string[] {
  const basics = [
    ...(value.mac === null ? [] : ['address', value.mac]),
    ...(value.mtu === null ? [] : ['mtu', String(value.mtu)]),
  ].join(' ');
  const add = (...type: readonly string[]): string[] => [
    ['link add name', name, basics, 'type', ...type].filter((part) => part !== '').join(' '),
  ];
  return [...madeOfType(name, value, basics, add), ...placed(name, null, value)];
}

function madeOfType(
  name: string,
  value: LinkValue,
  basics: string,
  add: (...type: readonly string[]) => string[],
): string[] {
  switch (value.type) {
    case 'adopted':
      return [];
    case 'bridge':
      return add('bridge', 'mcast_querier', value.multicastQuerier ? '1' : '0');
    case 'dummy':
    case 'wireguard':
      return add(value.type);
    case 'tap':
      return [`tuntap add dev ${name} mode tap`, ...(basics === '' ? [] : [`link set dev ${name} ${basics}`])];
    case 'batadv':
      return add('batadv', 'ra', value.algorithm);
    case 'vxlan': {
      const checksums = value.zeroChecksum ? ['udp6zerocsumtx', 'udp6zerocsumrx'] : [];
      const { vni, underlay, local, destinationPort } = value;
      return add(
        'vxlan',
        'id',
        `${vni}`,
        'dev',
        underlay,
        'local',
        local,
        'dstport',
        `${destinationPort}`,
        ...checksums,
      );
    }
  }
}

/** Commands that lead from one value to another without making the link anew. */
export function changingOf(name: string, before: LinkValue, after: LinkValue): string[] {
  const lines: string[] = [];
  if (after.type !== 'adopted') {
    if (after.mac !== null && after.mac !== before.mac) lines.push(`link set dev ${name} address ${after.mac}`);
    if (after.mtu !== null && after.mtu !== before.mtu) lines.push(`link set dev ${name} mtu ${after.mtu}`);
  }
  if (after.type === 'bridge' && !(before.type === 'bridge' && before.multicastQuerier === after.multicastQuerier))
    lines.push(`link set dev ${name} type bridge mcast_querier ${after.multicastQuerier ? 1 : 0}`);
  return [...lines, ...placed(name, before, after)];
}

/** Into its master, told what it is there, and up. */
function placed(name: string, before: LinkValue | null, after: LinkValue): string[] {
  const lines: string[] = [];
  const moves = (before?.master ?? null) !== after.master;
  if (moves) lines.push(`link set dev ${name} ${after.master === null ? 'nomaster' : `master ${after.master}`}`);
  if (after.port !== null) {
    const { isolated, multicastRouter } = after.port;
    lines.push(
      `link set dev ${name} type bridge_slave isolated ${isolated ? 'on' : 'off'} mcast_router ${multicastRouter}`,
    );
  }
  if ((before?.up ?? false) !== after.up) lines.push(`link set dev ${name} ${after.up ? 'up' : 'down'}`);
  return lines;
}
