/** Options that `init` and `join` share and that end up in config.yaml. */
import { type Endpoint, KithError, parseEndpoint } from '@kith/core';
import { checkSetting, readConfig } from '../config/config.ts';
import { type Config, DEFAULTS } from '../config/schema.ts';
import { folderOf, listNetworks } from '../state/networks.ts';
import { fileIn } from '../state/paths.ts';
import { parseWhole } from './output.ts';

export interface SettingOptions {
  readonly endpoints: readonly string[];
  readonly port: string | undefined;
  readonly iface: string | undefined;
}

/** The first port from the default on that no other network of this machine is set to. */
async function unusedPort(): Promise<number> {
  const used = new Set<number>();
  for (const label of listNetworks()) {
    try {
      used.add((await readConfig(fileIn(folderOf(label), 'config'))).port);
    } catch (error) {
      // A network with a broken configuration does not run; its port is found taken, if at all, when this one starts.
      if (!(error instanceof KithError)) throw error;
    }
  }
  let port = DEFAULTS.port;
  while (used.has(port)) port++;
  return port;
}

/** `host` alone means the port that this node listens on. */
function endpoint(text: string, port: number): Endpoint {
  const bare = /^[\d.]+$/.test(text) || /^\[[^\]]*\]$/.test(text);
  return parseEndpoint(bare ? `${text}:${port}` : text);
}

/** @throws KithError USAGE, CONFIG_INVALID, ADDRESS_INVALID */
export async function settingsFrom(options: SettingOptions): Promise<Partial<Config>> {
  const asked = options.port === undefined ? null : parseWhole(options.port, 0, 65535, '--port');
  const port = asked ?? (await unusedPort());
  return {
    ...(port === DEFAULTS.port ? {} : { port: checkSetting('port', port, '--port') }),
    ...(options.iface === undefined ? {} : { interface: checkSetting('interface', options.iface, '--iface') }),
    ...(options.endpoints.length === 0
      ? {}
      : {
          endpoints: checkSetting(
            'endpoints',
            options.endpoints.map((text) => endpoint(text, port)),
            '--endpoint',
          ),
        }),
  };
}
