/** Asks the kernel's batman-adv through batctl. */
import { Answer } from '../answer.ts';
import { must } from '../command.ts';
import * as tables from './tables.ts';

/** Everything that one batman-adv interface knows. */
export interface BatmanStatus {
  readonly interface: string;
  readonly mesh: tables.BatmanMesh;
  readonly ports: readonly tables.HardInterface[];
  readonly originators: readonly tables.Originator[];
  readonly neighbours: readonly tables.MeshNeighbour[];
  readonly gateways: readonly tables.MeshGateway[];
  readonly local: readonly tables.LocalClient[];
  readonly remote: readonly tables.RemoteClient[];
}

/**
 * @param name of a batman-adv interface in the network namespace of this process
 * @throws KithError HOST_COMMAND_FAILED when there is no such interface or no right to ask, HOST_PROGRAM_MISSING without
 *   batctl, HOST_ANSWER_INVALID for an answer that is not understood
 */
export async function batmanStatus(name: string): Promise<BatmanStatus> {
  const [mesh, ports, originators, neighbours, gateways, local, remote] = await Promise.all([
    batmanMesh(name),
    ask(name, 'hardifs_json', tables.parseHardInterfaces),
    ask(name, 'originators_json', tables.parseOriginators),
    ask(name, 'neighbors_json', tables.parseNeighbours),
    ask(name, 'gateways_json', tables.parseGateways),
    ask(name, 'transtable_local_json', tables.parseLocalClients),
    ask(name, 'transtable_global_json', tables.parseRemoteClients),
  ]);
  return { interface: name, mesh, ports, originators, neighbours, gateways, local, remote };
}

/** The interface's settings alone; throws as {@link batmanStatus} does. */
export function batmanMesh(name: string): Promise<tables.BatmanMesh> {
  return ask(name, 'mesh_json', tables.parseMesh);
}

async function ask<T>(name: string, query: string, parse: (from: Answer) => T): Promise<T> {
  const argv = ['batctl', 'meshif', name, query];
  return parse(Answer.parse(await must(argv), `"${argv.join(' ')}"`));
}
