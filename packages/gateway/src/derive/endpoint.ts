/** Where a gateway is reached, as programs want to read it. */

/** Whether it is an address and no name. */
function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+(?:\.\d+){3}$/.test(host);
}

/** `[2001:db8::9]:51820`, `tower.freemesh.example:51820` */
export function endpointText(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** As fastd's `remote` takes it: names in quotes, addresses without. */
export function fastdRemote(host: string, port: number): string {
  return isAddress(host) ? endpointText(host, port) : `"${host}" port ${port}`;
}
