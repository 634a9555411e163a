/**
 * tinc 1.0. Each packet's cipher starts from the same stored vector (CBC hides that behind the counter in its first
 * block), so the faster counter modes would repeat their key stream: CBC is the fastest that is sane.
 */
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabProcess } from '@kith/lab';
import type { Node, Nodes } from '../stage.ts';
import type { System } from '../system.ts';
import { daemons, output } from './daemons.ts';

const address = (node: Node): string => `10.82.0.${node.index}`;

export const tinc: System = {
  name: 'tinc',
  settings: 'router mode, Cipher aes-128-cbc, Digest sha1 (HMAC, 4 bytes), no compression, UDP buffers 4 MiB',
  noRelay: null,
  version: () => /tinc version \S+/.exec(output('tincd', '--version'))?.[0] ?? 'tinc',

  async start(nodes: Nodes) {
    for (const node of nodes) configure(node);
    for (const node of nodes) introduce(node, nodes);
    const processes: LabProcess[] = [];
    for (const node of nodes) {
      const argv = ['tincd', '-c', node.folder, '-D', `--pidfile=${join(node.folder, 'pid')}`];
      processes.push(await node.host.spawn(argv, { log: join(node.folder, 'log') }));
    }
    await Promise.all(processes.map((each) => each.waitFor(/Ready/, 10_000)));
    return daemons(processes, address);
  },
};

function configure(node: Node): void {
  mkdirSync(join(node.folder, 'hosts'));
  const connect = node.neighbours.filter((each) => each.node.index < node.index);
  writeFileSync(
    join(node.folder, 'tinc.conf'),
    [
      `Name = ${node.name}`,
      'Interface = tinc0',
      'AddressFamily = ipv4',
      'UDPRcvBuf = 4194304',
      'UDPSndBuf = 4194304',
      ...connect.map((each) => `ConnectTo = ${each.node.name}`),
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(node.folder, 'tinc-up'),
    `#!/bin/sh\nip addr add ${address(node)}/24 dev $INTERFACE\nip link set $INTERFACE up\n`,
    { mode: 0o755 },
  );
  writeFileSync(
    join(node.folder, 'hosts', node.name),
    `Subnet = ${address(node)}/32\nCipher = aes-128-cbc\nDigest = sha1\n`,
  );
  output('tincd', '-c', node.folder, '-K', '2048');
}

/** Everybody gets everybody's key, and the addresses of the neighbours. */
function introduce(node: Node, nodes: Nodes): void {
  for (const other of nodes) {
    if (other === node) continue;
    const file = join(node.folder, 'hosts', other.name);
    const original = join(other.folder, 'hosts', other.name);
    copyFileSync(original, file);
    const neighbour = node.neighbours.find((each) => each.node === other);
    if (neighbour !== undefined) appendFileSync(file, `\nAddress = ${neighbour.address}\n`);
    if (!readFileSync(file, 'utf8').includes('BEGIN RSA PUBLIC KEY'))
      throw new Error(`tincd -K wrote no key to ${original}`);
  }
}
