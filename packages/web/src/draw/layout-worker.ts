/** Finds places for the nodes of a graph, apart from the page, which stays quick meanwhile. */
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from 'd3-force';

export interface LayoutRequest {
  readonly ids: readonly string[];
  /** Pairs of indices. */
  readonly links: readonly (readonly [number, number])[];
}

/** x and y of each node, in the order of the request. */
export interface LayoutAnswer {
  readonly places: Float32Array;
  /** Nothing moves any more. */
  readonly settled: boolean;
}

interface Node extends SimulationNodeDatum {
  readonly id: string;
}

/** ms of work between two answers. */
const SLICE = 30;

let simulation: Simulation<Node, SimulationLinkDatum<Node>> | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

addEventListener('message', ({ data }: MessageEvent<LayoutRequest>) => {
  const known = new Map((simulation?.nodes() ?? []).map((node) => [node.id, node]));
  simulation?.stop();
  const nodes = data.ids.map((id): Node => {
    const before = known.get(id);
    return before === undefined ? { id } : { id, ...placeOf(before) };
  });
  const links = data.links.map(([source, target]) => ({ source, target }));
  const fresh = nodes.filter(({ id }) => !known.has(id)).length;
  simulation = forceSimulation(nodes)
    .force(
      'link',
      forceLink<Node, SimulationLinkDatum<Node>>(links)
        .distance(60)
        .strength((link) => 1 / Math.min(degree(data, link.source), degree(data, link.target))),
    )
    .force('apart', forceManyBody<Node>().strength(-90).distanceMax(600))
    .force('room', forceCollide<Node>(9))
    .force('x', forceX<Node>(0).strength(0.03))
    .force('y', forceY<Node>(0).strength(0.03))
    // Nodes that have their place already move a little, to make room for those that come.
    .alpha(fresh === nodes.length ? 1 : fresh === 0 ? 0.1 : 0.3)
    .stop();
  clearTimeout(timer);
  work();
});

function work(): void {
  if (simulation === null) return;
  const end = performance.now() + SLICE;
  do simulation.tick();
  while (performance.now() < end && simulation.alpha() > simulation.alphaMin());
  const settled = simulation.alpha() <= simulation.alphaMin();
  const nodes = simulation.nodes();
  const places = new Float32Array(nodes.length * 2);
  for (const [index, { x, y }] of nodes.entries()) {
    places[2 * index] = x ?? 0;
    places[2 * index + 1] = y ?? 0;
  }
  const answer: LayoutAnswer = { places, settled };
  postMessage(answer, { transfer: [places.buffer] });
  if (!settled) timer = setTimeout(work, 4);
}

function placeOf({ x, y }: Node): { x: number; y: number } {
  return { x: x ?? 0, y: y ?? 0 };
}

const degrees: WeakMap<LayoutRequest, Uint16Array> = new WeakMap();

function degree(request: LayoutRequest, end: SimulationLinkDatum<Node>['source']): number {
  let counts = degrees.get(request);
  if (counts === undefined) {
    counts = new Uint16Array(request.ids.length);
    for (const [a, b] of request.links) {
      counts[a] = (counts[a] ?? 0) + 1;
      counts[b] = (counts[b] ?? 0) + 1;
    }
    degrees.set(request, counts);
  }
  const index = typeof end === 'object' ? (end.index ?? 0) : Number(end);
  return counts[index] ?? 1;
}
