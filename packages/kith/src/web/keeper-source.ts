/** The gateway of this machine, as its keeper tells. */
import { KithError, parseAddress } from '@kith/core';
import type { KeeperClient } from '../gateway/client.ts';
import { runningKeeper } from '../gateway/connect.ts';
import { gatewayFolders } from '../gateway/folders.ts';
import { routersFrom } from './routers.ts';
import type { GatewaySource } from './sources.ts';

const MAP = 'meshviewer.json';

export function keeperSource(): GatewaySource {
  const running = (): Promise<KeeperClient | null> => runningKeeper(gatewayFolders());
  const needed = async (): Promise<KeeperClient> => {
    const client = await running();
    if (client !== null) return client;
    throw new KithError('FACE_NO_GATEWAY', 'the keeper of a gateway does not run on this machine');
  };
  return {
    report: async () => {
      const status = await (await running())?.status();
      return status === undefined || status.file === null ? null : status;
    },
    routers: async () => {
      const client = await running();
      return client === null ? null : routersFrom(await client.map(MAP));
    },
    examine: async (mend) => (await (await needed()).examine({ mend })).findings,
    ban: async (address, seconds) => {
      await (await needed()).ban({ address: parseAddress(address), seconds });
    },
    unban: async (address) => {
      await (await needed()).lift({ address: parseAddress(address) });
    },
  };
}
