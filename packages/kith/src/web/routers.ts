/**
 * The routers of a gateway's mesh, read from the map's own export (meshviewer.json), which is made for pages like this
 * one: whoever runs another map sees the same.
 */
import type { Location } from '@kith/mesh';

export interface Router {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly online: boolean;
  /** ms since 1970 */
  readonly firstSeen: number | null;
  readonly lastSeen: number | null;
  readonly addresses: readonly string[];
  readonly clients: number;
  readonly firmware: string | null;
  readonly model: string | null;
  readonly location: Location | null;
}

export interface RouterLink {
  readonly a: string;
  readonly b: string;
  /** 0..1: the worse direction's share of packets that arrive. */
  readonly quality: number;
}

export interface RouterMap {
  readonly routers: readonly Router[];
  readonly links: readonly RouterLink[];
}

/** What is missing or of another kind is left out: the file comes from what routers said. */
export function routersFrom(meshviewer: unknown): RouterMap {
  const file = fields(meshviewer);
  return {
    routers: list(file.get('nodes')).flatMap((value) => routerFrom(fields(value))),
    links: list(file.get('links')).flatMap((value) => linkFrom(fields(value))),
  };
}

type Fields = ReadonlyMap<string, unknown>;

function fields(value: unknown): Fields {
  return new Map(typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function moment(value: unknown): number | null {
  const time = Date.parse(text(value) ?? '');
  return Number.isNaN(time) ? null : time;
}

function routerFrom(node: Fields): Router[] {
  const id = text(node.get('node_id'));
  if (id === null) return [];
  const firmware = fields(node.get('firmware'));
  const place = fields(node.get('location'));
  const [latitude, longitude] = [number(place.get('latitude')), number(place.get('longitude'))];
  return [
    {
      id,
      name: text(node.get('hostname')) ?? id,
      domain: text(node.get('domain')) ?? '',
      online: node.get('is_online') === true,
      firstSeen: moment(node.get('firstseen')),
      lastSeen: moment(node.get('lastseen')),
      addresses: list(node.get('addresses')).flatMap((address) => text(address) ?? []),
      clients: number(node.get('clients')) ?? 0,
      firmware: text(firmware.get('release')),
      model: text(node.get('model')),
      location: latitude === null || longitude === null ? null : { latitude, longitude },
    },
  ];
}

function linkFrom(link: Fields): RouterLink[] {
  const [a, b] = [text(link.get('source')), text(link.get('target'))];
  if (a === null || b === null) return [];
  const quality = Math.min(number(link.get('source_tq')) ?? 0, number(link.get('target_tq')) ?? 0);
  return [{ a, b, quality: Math.max(0, Math.min(1, quality)) }];
}
