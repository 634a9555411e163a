/**
 * fastd.conf of one domain: a TAP that stands before the daemon comes and outlives it, so that batman-adv never sees its
 * interface go. Manual: fastd 22. Routers are isolated from one another as fastd forwards nothing between them.
 */
import { fastdRemote } from '../derive/endpoint.ts';
import type { Fastd, GatewayEntry } from '../file/settings.ts';

export interface FastdPaths {
  /** A file with the line `secret "…";`, readable for root only. */
  readonly secret: string;
  readonly peers: string;
  /** Folder with an empty file for each key that was let in while the daemon ran; its name is the key. */
  readonly approved: string;
  readonly status: string;
}

/**
 * @param device name of the TAP
 * @param others the community's other gateways: batman-adv runs between them, too
 */
export function fastdConf(
  fastd: Fastd & { readonly boundPort: number },
  device: string,
  paths: FastdPaths,
  others: readonly GatewayEntry[],
): string {
  const known = others.flatMap(({ name, fastd: key, endpoints }) => (key === null ? [] : [{ name, key, endpoints }]));
  const lines = [
    // Below it fastd does not say whom it turned away.
    'log to stderr level verbose;',
    'mode tap;',
    `interface ${quoted(device)};`,
    'persist interface yes;',
    ...fastd.methods.map((method) => `method ${quoted(method)};`),
    `bind any:${fastd.boundPort};`,
    `mtu ${fastd.mtu};`,
    'forward no;',
    // The limit is of routers, fastd counts all.
    `peer limit ${fastd.limit + known.length};`,
    'hide ip addresses yes;',
    'hide mac addresses yes;',
    `status socket ${quoted(paths.status)};`,
    `include ${quoted(paths.secret)};`,
    `include peers from ${quoted(paths.peers)};`,
    ...known.map(({ name, key, endpoints }) => {
      const remotes = endpoints.map((host) => `remote ${fastdRemote(host, fastd.boundPort)}; `);
      return `peer ${quoted(name)} { key ${quoted(key)}; ${remotes.join('')}}`;
    }),
    // Whom no file names is asked about here, with a shell: who is approved while the daemon runs needs no reload.
    // It tells whom it turns away, as fastd itself does not.
    `on verify ${quoted(fastd.accept === 'all' ? 'true' : `test -e "${paths.approved}/$PEER_KEY" || { echo "unknown key $PEER_KEY" >&2; exit 1; }`)};`,
  ];
  return `${lines.join('\n')}\n`;
}

/** fastd's strings know backslashes for quotes and themselves only. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
