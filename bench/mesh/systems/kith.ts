/** kith itself, run as a person would run it, once with each of its data planes. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { far, hub, type Node, type Nodes } from '../stage.ts';
import type { Running, System } from '../system.ts';
import { must, output } from './daemons.ts';

const PROGRAM = fileURLToPath(new URL('../../../packages/kith/bin/kith.mjs', import.meta.url));
const NETWORK = 'bench';
/** Fills the cable, with room for a relay's header. */
const MTU = 1392;

type Plane = 'native' | 'portable';

interface Status {
  readonly pid: number;
  /** Which data plane carries packets, and why. */
  readonly plane: { readonly kind: Plane; readonly reason?: string };
  readonly members: readonly { readonly name: string; readonly path: { readonly kind: string } }[];
}

export function kith(plane: Plane): System {
  return {
    name: `kith-${plane}`,
    settings: `KITH_PLANE=${plane}, MTU ${MTU} (fills the cable), everything else as it comes`,
    noRelay: null,
    version: () => output(process.execPath, PROGRAM, 'version').trim(),
    start: (nodes) => start(plane, nodes),
  };
}

const address = (node: Node): string => `10.81.0.${node.index}`;

function run(plane: Plane, node: Node, words: readonly string[]): Promise<string> {
  return must(node.host, [process.execPath, PROGRAM, '-n', NETWORK, ...words], {
    KITH_STATE: node.folder,
    KITH_PLANE: plane,
  });
}

function configure(node: Node): void {
  appendFileSync(join(node.folder, NETWORK, 'config.yaml'), `mtu: ${MTU}\n`, { mode: 0o600 });
}

async function start(plane: Plane, nodes: Nodes): Promise<Running> {
  const founder = hub(nodes);
  const others = nodes.filter((node) => node !== founder);
  const up: Node[] = [];
  const stop = async () => {
    await Promise.all(up.map((node) => run(plane, node, ['down'])));
  };
  try {
    const endpoints = founder.addresses.flatMap((each) => ['--endpoint', each]);
    const place = ['--prefix', '10.81.0.0/24', '--address', address(founder)];
    await run(plane, founder, ['init', founder.name, ...place, ...endpoints]);
    up.push(founder);
    configure(founder);
    await run(plane, founder, ['up']);
    // Before anybody joins: where the wanted plane is missing there is nothing to wait for.
    await assertPlane(plane, founder);
    for (const node of others) {
      const token = await run(plane, founder, ['invite', node.name, '--address', address(node)]);
      await run(plane, node, ['join', token.trim()]);
      up.push(node);
      configure(node);
      await run(plane, node, ['up']);
    }
    await settle(plane, nodes);
    const pids = await Promise.all(nodes.map(async (node) => (await status(plane, node)).pid));
    return { pids, address, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

async function status(plane: Plane, node: Node): Promise<Status> {
  return JSON.parse(await run(plane, node, ['--json', 'status'])) as Status;
}

/** @throws Error when the daemon runs on another plane than the wanted one */
async function assertPlane(wanted: Plane, node: Node): Promise<void> {
  const { kind, reason } = (await status(wanted, node)).plane;
  if (kind === wanted) return;
  throw new Error(
    `absent: asked for the ${wanted} data plane, kith runs on the ${kind} one: ${reason ?? 'it does not say why'}`,
  );
}

/** Waits until the ends see each other over the path that is to be measured: the cable, or the relay. */
async function settle(plane: Plane, nodes: Nodes): Promise<void> {
  const wanted = nodes.length === 3 ? 'relay' : 'direct';
  for (const deadline = performance.now() + 30_000; ;) {
    const { members } = await status(plane, nodes[0]);
    const kind = members.find(({ name }) => name === far(nodes).name)?.path.kind;
    if (kind === wanted) return;
    // A path is chosen when there is something to send.
    await nodes[0].host.run(['ping', '-n', '-c', '1', '-W', '1', address(far(nodes))]);
    if (performance.now() > deadline) throw new Error(`the path is ${kind ?? 'unknown'}, not ${wanted}, after 30 s`);
  }
}
