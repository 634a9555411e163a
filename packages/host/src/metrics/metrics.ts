/** What `/metrics` answers: Prometheus' text format 0.0.4, every family with HELP and TYPE and once. docs/metrics.md. */
import { Family } from '@kith/gateway';
import type { MapService } from '../map/map-service.ts';
import type { ResponderSnapshot } from '../respondd/responder.ts';
import { type GatewayFigures, gatewayText } from './gateway-figures.ts';
import { type MeshFigures, meshText } from './mesh-figures.ts';
import { respondText } from './respondd-figures.ts';
import { type ShareFigures, shareText } from './share-figures.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Null for what does not run here, or could not be asked: its families are left out. */
export interface Figures {
  /** Of kith. */
  readonly version: string;
  readonly gateway: GatewayFigures | null;
  readonly map: Pick<MapService, 'metrics' | 'snapshot'> | null;
  readonly responder: ResponderSnapshot | null;
  readonly mesh: readonly MeshFigures[] | null;
  readonly share: readonly ShareFigures[] | null;
}

export function metricsText({ version, gateway, map, responder, mesh, share }: Figures): string {
  return [
    new Family('kith_info', 'gauge', 'Which kith this is, in labels; the value is 1.').add(1, { version }).text,
    gateway === null ? '' : gatewayText(gateway),
    map === null && responder === null ? '' : respondText(map?.snapshot().collector ?? null, responder),
    map === null ? '' : map.metrics(),
    mesh === null ? '' : meshText(mesh),
    share === null ? '' : shareText(share),
  ].join('');
}
