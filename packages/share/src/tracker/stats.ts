/** What a tracker tells of itself: for people, for programs, for Prometheus (text format 0.0.4). */
import type { tracker } from '@kith/torrent';

export interface TrackerStats {
  /** Since the start, in seconds. */
  readonly uptime: number;
  readonly swarms: number;
  readonly peers: { readonly ipv4: number; readonly ipv6: number; readonly websocket: number };
  readonly connections: { readonly http: number; readonly websocket: number };
  /** Memory of the table of swarms and peers, in bytes. */
  readonly tableBytes: number;
  /** Downloads that were reported complete. */
  readonly completed: number;
  readonly counts: Readonly<tracker.ServiceCounts>;
  /** Connections turned away: too many of them, or too many of one address. */
  readonly turnedAway: number;
  /** Messages dropped because a connection did not keep up. */
  readonly dropped: number;
}

export function statsJson(stats: TrackerStats): string {
  return `${JSON.stringify(stats, null, 2)}\n`;
}

export function statsPage(stats: TrackerStats): string {
  const rows = rowsOf(stats).map(([name, , value]) => `<tr><th>${name}</th><td>${value}</td></tr>`);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>kith tracker</title>
<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:40rem;padding:0 1rem}table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:400}td{text-align:right;font-variant-numeric:tabular-nums}tr{border-bottom:1px solid #8884}</style>
<h1>kith tracker</h1>
<table>${rows.join('\n')}</table>
<p><a href="/stats.json">stats.json</a> · <a href="/metrics">metrics</a></p>
</html>
`;
}

export function metrics(stats: TrackerStats): string {
  const lines: string[] = [];
  let last = '';
  for (const [help, sample, value, kind] of rowsOf(stats)) {
    const name = sample.replace(/\{.*/, '');
    // Samples of one name stand together under one heading.
    if (name !== last) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    last = name;
    lines.push(`${sample} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

type Row = readonly [label: string, sample: string, value: number, kind: 'gauge' | 'counter'];

function rowsOf({ uptime, swarms, peers, connections, tableBytes, completed, counts, ...rest }: TrackerStats): Row[] {
  return [
    ['Seconds since the start', 'kith_tracker_uptime_seconds', uptime, 'gauge'],
    ['Torrents', 'kith_tracker_swarms', swarms, 'gauge'],
    ['Peers on IPv4', 'kith_tracker_peers{family="ipv4"}', peers.ipv4, 'gauge'],
    ['Peers on IPv6', 'kith_tracker_peers{family="ipv6"}', peers.ipv6, 'gauge'],
    ['Peers on WebSockets', 'kith_tracker_peers{family="websocket"}', peers.websocket, 'gauge'],
    ['Connections with HTTP', 'kith_tracker_connections{kind="http"}', connections.http, 'gauge'],
    ['Connections with WebSockets', 'kith_tracker_connections{kind="websocket"}', connections.websocket, 'gauge'],
    ['Bytes of the table of peers', 'kith_tracker_table_bytes', tableBytes, 'gauge'],
    ['Downloads completed', 'kith_tracker_completed_total', completed, 'counter'],
    ['Announces over HTTP', 'kith_tracker_announces_total{face="http"}', counts.httpAnnounces, 'counter'],
    ['Announces over UDP', 'kith_tracker_announces_total{face="udp"}', counts.udpAnnounces, 'counter'],
    ['Announces over WebSockets', 'kith_tracker_announces_total{face="websocket"}', counts.relayAnnounces, 'counter'],
    ['Scrapes over HTTP', 'kith_tracker_scrapes_total{face="http"}', counts.httpScrapes, 'counter'],
    ['Scrapes over UDP', 'kith_tracker_scrapes_total{face="udp"}', counts.udpScrapes, 'counter'],
    ['Scrapes over WebSockets', 'kith_tracker_scrapes_total{face="websocket"}', counts.relayScrapes, 'counter'],
    ['UDP connects', 'kith_tracker_udp_connects_total', counts.udpConnects, 'counter'],
    ['UDP packets with a forged connection id', 'kith_tracker_udp_forged_total', counts.udpForged, 'counter'],
    ['Offers passed on', 'kith_tracker_offers_total', counts.relayOffers, 'counter'],
    ['Answers passed on', 'kith_tracker_answers_total', counts.relayAnswers, 'counter'],
    ['Requests that were not understood', 'kith_tracker_malformed_total', counts.malformed, 'counter'],
    ['Announces refused', 'kith_tracker_refused_total', counts.refused, 'counter'],
    ['Announces answered without being listed', 'kith_tracker_unlisted_total', counts.unlisted, 'counter'],
    ['Peers that fell silent', 'kith_tracker_expired_total', counts.expired, 'counter'],
    ['Connections turned away', 'kith_tracker_turned_away_total', rest.turnedAway, 'counter'],
    ['Messages dropped for slow readers', 'kith_tracker_dropped_total', rest.dropped, 'counter'],
  ];
}
