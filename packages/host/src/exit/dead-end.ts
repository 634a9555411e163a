/**
 * While no exit answers, clients are told at once that there is no way, instead of waiting for answers to what the mesh
 * can send to nobody. It is a table of its own: it comes and goes while what an apply made stays as it is.
 */
import type { Gateway } from '@kith/gateway';
import { must } from '../command.ts';

const TABLE = 'inet kith_exit';
/** Known to every nft: it makes what may not be there, so that it can be deleted whatever was before. */
const AWAY = `table ${TABLE}\ndelete table ${TABLE}\n`;

/** @throws KithError HOST_COMMAND_FAILED */
export async function setDeadEnd(gateway: Gateway, isDead: boolean): Promise<void> {
  await must(['nft', '--file', '-'], { input: isDead ? AWAY + rulesOf(gateway) : AWAY });
}

function rulesOf({ domains, exit }: Gateway): string {
  const bridges = domains.map(({ names }) => `"${names.bridge}"`).join(', ');
  return `table ${TABLE} {
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname { ${bridges} } oifname "${exit}" counter reject with icmpx no-route
  }
}
`;
}
