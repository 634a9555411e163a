/** Draws a graph of thousands on a canvas: links coloured by quality, relayed ways dashed, names where there is room. */
import type { TopologyLink, TopologyNode, TopologyReport } from '@kith/api';
import { palette, toneOf } from '../lib/quality.ts';
import { Camera } from './camera.ts';
import type { LayoutAnswer, LayoutRequest } from './layout-worker.ts';

export type Thing =
  { readonly kind: 'node'; readonly node: TopologyNode } | { readonly kind: 'link'; readonly link: TopologyLink };

export interface Hover {
  readonly thing: Thing;
  /** Pixels in the canvas. */
  readonly x: number;
  readonly y: number;
}

/** Pixels around a node or a link that still mean it. */
const NEAR_NODE = 12;
const NEAR_LINK = 6;
const RADIUS = 6;
/** With more nodes in sight than this, names would be a heap. */
const MOST_NAMES = 120;

export class GraphView {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #camera: Camera;
  readonly #worker: Worker;
  readonly #onHover: (hover: Hover | null) => void;
  readonly #abort: AbortController = new AbortController();
  readonly #resize: ResizeObserver;
  #report: TopologyReport = { nodes: [], links: [] };
  #index: ReadonlyMap<string, number> = new Map();
  /** Ids in the order of the places that the worker tells. */
  #placed: readonly string[] = [];
  #places: Float32Array = new Float32Array();
  #shape = '';
  #colours: ReadonlyMap<string, string> = palette();
  #frame = 0;
  #touched = false;
  /** Frames drawn, for those who measure. */
  frames = 0;

  constructor(canvas: HTMLCanvasElement, onHover: (hover: Hover | null) => void) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws no canvas');
    this.#canvas = canvas;
    this.#context = context;
    this.#onHover = onHover;
    this.#camera = new Camera(() => this.#draw());
    this.#worker = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<LayoutAnswer>) => {
      this.#places = data.places;
      if (!this.#touched) this.fit();
      this.#draw();
    });
    this.#resize = new ResizeObserver(() => this.#fill());
    this.#resize.observe(canvas);
    this.#listen();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#recolour(), this.#abort);
  }

  show(report: TopologyReport): void {
    this.#report = report;
    this.#index = new Map(report.nodes.map(({ id }, index) => [id, index]));
    const links = report.links
      .filter(({ kind }) => kind === 'direct')
      .map(({ a, b }): [number, number] => [this.#index.get(a) ?? -1, this.#index.get(b) ?? -1])
      .filter(([a, b]) => a >= 0 && b >= 0);
    const ids = report.nodes.map(({ id }) => id);
    const shape = JSON.stringify([ids, links]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#keepPlaces(ids);
      const request: LayoutRequest = { ids, links };
      this.#worker.postMessage(request);
    }
    this.#draw();
  }

  /** Shows everything. */
  fit(): void {
    const box = { left: 0, top: 0, right: 0, bottom: 0 };
    for (let i = 0; i < this.#places.length; i += 2) {
      const [x = 0, y = 0] = this.#places.subarray(i, i + 2);
      box.left = Math.min(box.left, x - 40);
      box.right = Math.max(box.right, x + 40);
      box.top = Math.min(box.top, y - 40);
      box.bottom = Math.max(box.bottom, y + 40);
    }
    this.#camera.fit(box, this.#canvas.clientWidth, this.#canvas.clientHeight);
  }

  zoom(factor: number): void {
    this.#touched = true;
    this.#camera.zoom(factor);
  }

  close(): void {
    this.#abort.abort();
    this.#resize.disconnect();
    this.#worker.terminate();
    cancelAnimationFrame(this.#frame);
  }

  /** Those who stay are drawn where they were until the worker has looked. */
  #keepPlaces(ids: readonly string[]): void {
    const before = new Map(this.#placed.map((id, index) => [id, index]));
    const places = new Float32Array(ids.length * 2);
    for (const [index, id] of ids.entries()) {
      const old = before.get(id);
      if (old !== undefined) places.set(this.#places.subarray(2 * old, 2 * old + 2), 2 * index);
    }
    this.#placed = ids;
    this.#places = places;
  }

  #recolour(): void {
    this.#colours = palette();
    this.#draw();
  }

  #fill(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.#canvas.height = Math.round(clientHeight * devicePixelRatio);
    if (!this.#touched) this.fit();
    this.#draw();
  }

  #draw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.frames++;
      this.#paint();
    });
  }

  #paint(): void {
    const context = this.#context;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const { x, y, scale } = this.#camera.view;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(
      devicePixelRatio * scale,
      0,
      0,
      devicePixelRatio * scale,
      devicePixelRatio * (width / 2 - x * scale),
      devicePixelRatio * (height / 2 - y * scale),
    );
    this.#paintLinks(context, scale);
    this.#paintNodes(context, scale);
    this.#paintNames(context, scale, width, height);
  }

  /** One path per colour: what costs is the stroke, not the line. */
  #paintLinks(context: CanvasRenderingContext2D, scale: number): void {
    const paths = new Map<string, Path2D>();
    for (const link of this.#report.links) {
      const [a, b] = [this.#index.get(link.a), this.#index.get(link.b)];
      if (a === undefined || b === undefined) continue;
      const key = `${link.kind} ${toneOf(link.quality)}`;
      let path = paths.get(key);
      if (path === undefined) paths.set(key, (path = new Path2D()));
      path.moveTo(this.#x(a), this.#y(a));
      if (link.kind === 'direct') path.lineTo(this.#x(b), this.#y(b));
      else path.quadraticCurveTo(...this.#bend(a, b), this.#x(b), this.#y(b));
    }
    for (const [key, path] of paths) {
      const [kind, tone = ''] = key.split(' ');
      context.strokeStyle = this.#colours.get(tone) ?? '#888';
      context.lineWidth = (kind === 'direct' ? 1.6 : 1.2) / Math.sqrt(scale);
      context.setLineDash(kind === 'direct' ? [] : [5 / scale, 4 / scale]);
      context.stroke(path);
    }
    context.setLineDash([]);
  }

  #paintNodes(context: CanvasRenderingContext2D, scale: number): void {
    const paths = new Map<string, Path2D>();
    const radius = RADIUS / Math.max(0.6, Math.sqrt(scale));
    for (const [index, { online, self, relay, kind }] of this.#report.nodes.entries()) {
      const colour = !online ? '--line' : self ? '--accent' : relay || kind === 'router' ? '--text' : '--quiet';
      let path = paths.get(colour);
      if (path === undefined) paths.set(colour, (path = new Path2D()));
      const [x, y] = [this.#x(index), this.#y(index)];
      path.moveTo(x + radius, y);
      if (kind === 'member') path.arc(x, y, self ? radius * 1.4 : radius, 0, 2 * Math.PI);
      else path.rect(x - radius * 0.7, y - radius * 0.7, radius * 1.4, radius * 1.4);
    }
    context.strokeStyle = this.#colours.get('--surface') ?? '#fff';
    context.lineWidth = 1.5 / scale;
    for (const [colour, path] of paths) {
      context.fillStyle = this.#colours.get(colour) ?? '#888';
      context.fill(path);
      context.stroke(path);
    }
  }

  #paintNames(context: CanvasRenderingContext2D, scale: number, width: number, height: number): void {
    const { x, y } = this.#camera.view;
    const [halfWidth, halfHeight] = [width / 2 / scale, height / 2 / scale];
    const inSight: number[] = [];
    for (let index = 0; index < this.#report.nodes.length && inSight.length <= MOST_NAMES; index++) {
      if (Math.abs(this.#x(index) - x) < halfWidth && Math.abs(this.#y(index) - y) < halfHeight) inSight.push(index);
    }
    if (inSight.length > MOST_NAMES) return;
    context.font = `${12 / scale}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.fillStyle = this.#colours.get('--text') ?? '#000';
    for (const index of inSight) {
      const name = this.#report.nodes[index]?.name ?? '';
      context.fillText(name.slice(0, 32), this.#x(index), this.#y(index) + 18 / scale);
    }
  }

  #x(index: number): number {
    return this.#places[2 * index] ?? 0;
  }

  #y(index: number): number {
    return this.#places[2 * index + 1] ?? 0;
  }

  /** The middle of a relayed way's bow, beside the links that it takes. */
  #bend(a: number, b: number): [number, number] {
    const [dx, dy] = [this.#x(b) - this.#x(a), this.#y(b) - this.#y(a)];
    return [(this.#x(a) + this.#x(b)) / 2 - dy * 0.18, (this.#y(a) + this.#y(b)) / 2 + dx * 0.18];
  }

  #listen(): void {
    const canvas = this.#canvas;
    const { signal } = this.#abort;
    const pointers = new Map<number, { x: number; y: number }>();
    canvas.addEventListener(
      'pointerdown',
      (event) => {
        canvas.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      },
      { signal },
    );
    canvas.addEventListener('pointermove', (event) => this.#pointerMoved(event, pointers), { signal });
    for (const name of ['pointerup', 'pointercancel'] as const) {
      canvas.addEventListener(name, (event) => void pointers.delete(event.pointerId), { signal });
    }
    canvas.addEventListener('pointerleave', () => this.#onHover(null), { signal });
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        this.#touched = true;
        this.#camera.zoom(Math.exp(-event.deltaY / 400), this.#fromMiddle(event));
      },
      { passive: false, signal },
    );
    canvas.addEventListener(
      'keydown',
      (event) => {
        if (!this.#camera.key(event.key)) return;
        this.#touched = true;
        event.preventDefault();
      },
      { signal },
    );
  }

  #pointerMoved(event: PointerEvent, pointers: Map<number, { x: number; y: number }>): void {
    const before = pointers.get(event.pointerId);
    if (before === undefined) {
      this.#onHover(this.#thingAt(event));
      return;
    }
    this.#touched = true;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) this.#camera.move(now.x - before.x, now.y - before.y);
    else {
      const apart = (at: { x: number; y: number }): number => Math.hypot(at.x - other.x, at.y - other.y) || 1;
      this.#camera.zoom(apart(now) / apart(before), this.#fromMiddle(event));
    }
    pointers.set(event.pointerId, now);
  }

  #fromMiddle({ clientX, clientY }: MouseEvent): { x: number; y: number } {
    const box = this.#canvas.getBoundingClientRect();
    return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
  }

  #thingAt(event: MouseEvent): Hover | null {
    const { x, y, scale } = this.#camera.view;
    const from = this.#fromMiddle(event);
    const at = { x: x + from.x / scale, y: y + from.y / scale };
    const screen = { x: event.offsetX, y: event.offsetY };
    let best: { readonly thing: Thing; readonly distance: number } | null = null;
    for (const [index, node] of this.#report.nodes.entries()) {
      const distance = Math.hypot(this.#x(index) - at.x, this.#y(index) - at.y) * scale;
      if (distance < (best?.distance ?? NEAR_NODE)) best = { thing: { kind: 'node', node }, distance };
    }
    if (best !== null) return { thing: best.thing, ...screen };
    for (const link of this.#report.links) {
      const [a, b] = [this.#index.get(link.a), this.#index.get(link.b)];
      if (a === undefined || b === undefined) continue;
      const distance = this.#distanceTo(link.kind, a, b, at) * scale;
      if (distance < (best?.distance ?? NEAR_LINK)) best = { thing: { kind: 'link', link }, distance };
    }
    return best === null ? null : { thing: best.thing, ...screen };
  }

  #distanceTo(kind: TopologyLink['kind'], a: number, b: number, at: { x: number; y: number }): number {
    const [ax, ay, bx, by] = [this.#x(a), this.#y(a), this.#x(b), this.#y(b)];
    if (kind === 'direct') return distanceToLine(ax, ay, bx, by, at);
    // Half of the bow's height is what a quadratic curve reaches; two straight pieces are near enough to it.
    const [cx, cy] = this.#bend(a, b);
    const [mx, my] = [(ax + 2 * cx + bx) / 4, (ay + 2 * cy + by) / 4];
    return Math.min(distanceToLine(ax, ay, mx, my, at), distanceToLine(mx, my, bx, by, at));
  }
}

function distanceToLine(ax: number, ay: number, bx: number, by: number, at: { x: number; y: number }): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((at.x - ax) * dx + (at.y - ay) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(at.x - (ax + t * dx), at.y - (ay + t * dy));
}
