/** Leaflet with the outlines of countries below, nodes in clusters and links coloured by quality above. */
import 'leaflet/dist/leaflet.css';
import type { NodeRow, TopologyLink } from '@kith/api';
import {
  canvas,
  circleMarker,
  type CircleMarker,
  geoJSON,
  type LatLngTuple,
  type LayerGroup,
  layerGroup,
  map as newMap,
  type Map as LeafletMap,
  polyline,
  tileLayer,
} from 'leaflet';
import { feature } from 'topojson-client';
import countries from 'world-atlas/countries-50m.json?url';
import { clustersOf } from '../lib/clusters.ts';
import { palette, toneOf } from '../lib/quality.ts';

type Topology = Parameters<typeof feature>[0];

/** From this zoom on every node stands for itself. */
const APART = 15;

export class MapView {
  readonly #map: LeafletMap;
  readonly #links: LayerGroup;
  readonly #nodes: LayerGroup;
  readonly #onOpen: (id: string) => void;
  readonly #abort: AbortController = new AbortController();
  #shown: { readonly nodes: readonly NodeRow[]; readonly links: readonly TopologyLink[] } = { nodes: [], links: [] };
  #fitted = false;

  /** @param tiles address pattern of a server for tiles; null for the outlines alone */
  constructor(
    element: HTMLElement,
    { tiles, onOpen }: { readonly tiles: string | null; readonly onOpen: (id: string) => void },
  ) {
    this.#onOpen = onOpen;
    this.#map = newMap(element, {
      ...{ center: [50, 10], zoom: 4, minZoom: 2, maxZoom: 18, preferCanvas: true, attributionControl: false },
      worldCopyJump: true,
    });
    if (tiles === null) void this.#outline();
    else tileLayer(tiles, { maxZoom: 19 }).addTo(this.#map);
    // Links in a renderer of their own, so that nodes stay above them however they come.
    this.#links = layerGroup([], { pane: 'overlayPane' }).addTo(this.#map);
    this.#nodes = layerGroup([], { pane: 'markerPane' }).addTo(this.#map);
    this.#map.on('zoomend', () => this.#paint());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint(), this.#abort);
  }

  show(nodes: readonly NodeRow[], links: readonly TopologyLink[]): void {
    this.#shown = { nodes, links };
    const places = nodes.flatMap(({ location }) => (location === null ? [] : [placeOf(location)]));
    if (!this.#fitted && places.length > 0) {
      this.#fitted = true;
      this.#map.fitBounds(places, { maxZoom: 12, padding: [30, 30], animate: false });
    }
    this.#paint();
  }

  close(): void {
    this.#abort.abort();
    this.#map.remove();
  }

  async #outline(): Promise<void> {
    const response = await fetch(countries, { signal: this.#abort.signal }).catch(() => null);
    if (response === null) return;
    const topology = (await response.json()) as Topology;
    const land = topology.objects['countries'];
    if (land === undefined || this.#abort.signal.aborted) return;
    const colours = palette();
    geoJSON(feature(topology, land), {
      interactive: false,
      style: {
        ...{ color: colours.get('--line') ?? '#ccc', weight: 1, fillOpacity: 1 },
        fillColor: colours.get('--land') ?? '#eee',
      },
      pane: 'tilePane',
      ...{ renderer: canvas({ pane: 'tilePane', padding: 0.5 }) },
    }).addTo(this.#map);
  }

  #paint(): void {
    const colours = palette();
    const { nodes, links } = this.#shown;
    const zoom = this.#map.getZoom();
    const places = new Map<string, LatLngTuple>();
    for (const { id, location } of nodes) if (location !== null) places.set(id, placeOf(location));
    this.#links.clearLayers();
    for (const [tone, lines] of linesByTone(links, places)) {
      polyline(lines, {
        ...{ color: colours.get(tone) ?? '#888', weight: 1.8, opacity: 0.75, interactive: false },
        ...{ smoothFactor: 0, noClip: false },
      }).addTo(this.#links);
    }
    this.#nodes.clearLayers();
    const project = ([latitude, longitude]: LatLngTuple): { x: number; y: number } =>
      this.#map.project([latitude, longitude], zoom);
    const located = nodes.flatMap((node) =>
      node.location === null ? [] : [{ node, ...project(placeOf(node.location)) }],
    );
    for (const { members } of clustersOf(located, zoom >= APART ? 0 : undefined)) {
      this.#markerOf(
        members.map(({ node }) => node),
        colours,
      )?.addTo(this.#nodes);
    }
  }

  #markerOf(nodes: readonly NodeRow[], colours: ReadonlyMap<string, string>): CircleMarker | null {
    const [first] = nodes;
    if (first === undefined || first.location === null) return null;
    const online = nodes.filter((node) => node.online).length;
    const colour = colours.get(online === 0 ? '--quiet' : online < nodes.length ? '--fair' : '--good') ?? '#888';
    const marker = circleMarker(meanOf(nodes), {
      ...{ radius: nodes.length === 1 ? 6 : Math.min(22, 8 + 2.5 * Math.log2(nodes.length)), weight: 1.5 },
      ...{ color: colours.get('--surface') ?? '#fff', fillColor: colour, fillOpacity: 0.92 },
    });
    // Made when it is wanted, and of text: names come from others.
    marker.bindTooltip(() => {
      const element = document.createElement('span');
      element.textContent = nodes.length === 1 ? first.name : `${nodes.length} nodes, ${online} online`;
      return element;
    });
    marker.on('click', () => {
      if (nodes.length === 1) this.#onOpen(first.id);
      else this.#map.setView(meanOf(nodes), Math.min(18, this.#map.getZoom() + 2));
    });
    return marker;
  }
}

function placeOf({ latitude, longitude }: { readonly latitude: number; readonly longitude: number }): LatLngTuple {
  return [latitude, longitude];
}

function meanOf(nodes: readonly NodeRow[]): LatLngTuple {
  const places = nodes.flatMap(({ location }) => (location === null ? [] : [location]));
  const mean = (pick: (place: (typeof places)[number]) => number): number =>
    places.reduce((sum, place) => sum + pick(place), 0) / (places.length || 1);
  return [mean(({ latitude }) => latitude), mean(({ longitude }) => longitude)];
}

/** All lines of one colour as one shape: what costs is the shape, not the line. */
function linesByTone(
  links: readonly TopologyLink[],
  places: ReadonlyMap<string, LatLngTuple>,
): ReadonlyMap<string, LatLngTuple[][]> {
  const lines = new Map<string, LatLngTuple[][]>();
  for (const link of links) {
    const [a, b] = [places.get(link.a), places.get(link.b)];
    if (a === undefined || b === undefined || link.kind !== 'direct') continue;
    const tone = toneOf(link.quality);
    lines.set(tone, [...(lines.get(tone) ?? []), [a, b]]);
  }
  return lines;
}
