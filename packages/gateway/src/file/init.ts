/** The file that `kith gateway init` writes: the answers of a person, and nothing that can be derived. */
import { stringify } from 'yaml';

export interface InitAnswers {
  readonly community: string;
  /** Interfaces of clients; none where all come through routers. */
  readonly clients: readonly string[];
  readonly exit: string;
  /** Tunnels for routers, where there shall be some. */
  readonly vpn?: 'fastd' | 'wireguard' | undefined;
  readonly contact?: string | undefined;
}

export interface LanAnswers {
  readonly community: string;
  readonly clients: readonly string[];
  /** Members of the mesh, the one that is preferred first. */
  readonly members: readonly string[];
  /** Where the one that is derived is in the way of another. */
  readonly prefix4?: string | undefined;
}

/** For a machine that sends its clients through the mesh to another gateway. */
export function lanFile({ community, clients, members, prefix4 }: LanAnswers): string {
  const where = prefix4 === undefined ? { clients } : { domains: { lan: { interfaces: clients, prefix4 } } };
  const gateway = { community, ...where, exit: { members } };
  return `# Written by \`kith lan\`, which writes it anew each time.\n${stringify({ gateway })}`;
}

/** At most a dozen lines; checked like any file when it is read. */
export function initialFile(answers: InitAnswers): string {
  const { community, contact, clients, exit, vpn } = answers;
  const gateway = {
    community: contact === undefined ? community : { name: community, contact },
    ...(clients.length === 0 ? {} : { clients: clients.length === 1 ? clients[0] : clients }),
    exit,
    ...(vpn === undefined ? {} : { vpn }),
  };
  return `# A community's gateway. What is not written here is derived; kith shows it before it changes anything.\n${stringify({ gateway })}`;
}
