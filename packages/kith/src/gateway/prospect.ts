/** What a file wants of this machine: the file, the facts and the keys put together, with what speaks against it. */
import {
  type Desired,
  desiredOn,
  type Gateway,
  gatewayOn,
  type MeshFacts,
  type Objection,
  objectionsTo,
} from '@kith/gateway';
import { KithError } from '@kith/core';
import { admittedRouters, hostFacts, hostOn, identityIn } from '@kith/host';
import { type FoundFile, gatewayName } from './file.ts';
import type { GatewayFolders } from './folders.ts';
import { findMesh } from './mesh.ts';

export interface Prospect {
  readonly file: FoundFile;
  readonly gateway: Gateway;
  readonly desired: Desired;
  /** What stops it first. */
  readonly objections: readonly Objection[];
  readonly mesh: MeshFacts | null;
}

export interface ProspectOptions {
  readonly folders: GatewayFolders;
  /** This machine's name in the file's list of gateways; its host name where nobody says. */
  readonly as: string | undefined;
  readonly draining: boolean;
}

/** @throws KithError GATEWAY_UNKNOWN, GATEWAY_NO_MESH and those of reading the host and its keys */
export async function prospectOf(file: FoundFile, { folders, as, draining }: ProspectOptions): Promise<Prospect> {
  const { settings, causeOf } = file;
  const { interface: exit, members, offer } = settings.exit;
  const mesh = exit === null || offer ? await findMesh(members) : null;
  if (offer && mesh === null)
    throw new KithError('GATEWAY_NO_MESH', '"gateway.exit.offer" is true, but the mesh is not up on this machine');
  const host = await hostOn({ name: gatewayName(as), folders, draining, exit, mesh });
  const identity = await identityIn(folders.state, settings);
  const gateway = gatewayOn({ ...host, admitted: admittedRouters(folders.state) }, settings, identity);
  return {
    ...{ file, gateway, desired: desiredOn(gateway, causeOf), mesh: mesh?.facts ?? null },
    objections: objectionsTo(gateway, await hostFacts(), causeOf),
  };
}
