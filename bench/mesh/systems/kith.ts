/** kith itself, run as a person would run it, once with each of its data planes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { far, hub, type Node, type Nodes } from '../stage.ts';
import type { Running, System } from '../system.ts';
import { must, output } from './daemons.ts';

const PROGRAM = fileURLToPath(new URL('../../../packages/kith/bin/kith.mjs', import.meta.url));
const NETWORK = 'bench';

type Plane = 'native' | 'portable';

interface Status {
  readonly pid: number;
  /** Which data plane carries packets; older builds know one only and do not say. */
  readonly plane?: string;
  readonly members: readonly { readonly name: string; readonly path: { readonly kind: string } }[];
}

export function kith(plane: Plane): System {
  return {
    name: `kith-${plane}`,
    settings: `KITH_PLANE=${plane}, everything else as it comes`,
    noRelay: null,
    version: () => output(process.execPath, PROGRAM, 'version').trim(),
    start: (nodes) => start(plane, nodes),
  };
}

const address = (node: Node): string => `10.81.0.${node.index}`;

function run(plane: Plane | 'neither', node: Node, words: readonly string[]): Promise<string> {
  return must(node.host, [process.execPath, PROGRAM, '-n', NETWORK, ...words], {
    KITH_STATE: node.folder,
    KITH_PLANE: plane,
  });
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
    await run(plane, founder, ['up']);
    // Before anybody joins: where the wanted plane is missing there is nothing to wait for.
    await assertPlane(plane, founder);
    for (const node of others) {
      const token = await run(plane, founder, ['invite', node.name, '--address', address(node)]);
      await run(plane, node, ['join', token.trim()]);
      up.push(node);
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

/** @throws Error when the daemon runs on another plane than the wanted one, or this build has only the portable one */
async function assertPlane(wanted: Plane, node: Node): Promise<void> {
  const named = (await status(wanted, node)).plane ?? planeInLog(node);
  if (named !== null && named !== wanted) {
    throw new Error(`absent: asked for the ${wanted} data plane, kith runs on the ${named} one`);
  }
  if (named === null && wanted === 'native' && !(await obeysSwitch(node))) {
    throw new Error('absent: this build of kith has no native data plane: KITH_PLANE changes nothing');
  }
}

/** A build that does not say its plane still refuses one that does not exist, if it has a choice at all. */
async function obeysSwitch(node: Node): Promise<boolean> {
  await run('native', node, ['down']);
  const refused = await run('neither', node, ['up']).then(
    () => false,
    (error: unknown) => /KITH_PLANE/.test(String(error)) || /KITH_PLANE/.test(log(node)),
  );
  if (refused) await run('native', node, ['up']);
  return refused;
}

function log(node: Node): string {
  return readFileSync(`${node.folder}/${NETWORK}/daemon.log`, 'utf8');
}

function planeInLog(node: Node): string | null {
  const [, before, after] =
    /\b(native|portable) (?:data )?plane\b|\bplane\W+(native|portable)\b/i.exec(log(node)) ?? [];
  return (before ?? after)?.toLowerCase() ?? null;
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
