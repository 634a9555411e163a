/** A plane in a process of its own, programmed by its argument. Says a line of JSON when it is up, and ends with its input. */
import { parseAddress, parseEndpoint, parsePrefix, type NodeId } from '@kith/core';
import type { Cipher, Path, PlaneEvents } from '@kith/mesh';
import { createNodePlane, type PlaneKind } from '../../src/node-plane.ts';
import { nodeCrypto } from '../../src/node-crypto.ts';
import { keyOf, peerHandle } from '../rig.ts';

export interface PlaneProcess {
  readonly kind: PlaneKind;
  readonly self: string;
  readonly port: number;
  /** Absent: rootless. */
  readonly tun?: { readonly name: string; readonly addresses: readonly (readonly [address: string, length: number])[] };
  readonly peer?: {
    readonly allowed: readonly string[];
    readonly endpoint: string;
    /** The peer's id, where `endpoint` is a relay. */
    readonly relayTo?: string;
    readonly sendKey: number;
    readonly receiveKey: number;
    readonly cipher: Cipher;
    readonly initiator: boolean;
  };
  readonly nextHops: readonly (readonly [dst: string, hop: string])[];
  readonly relaySources: readonly string[];
}

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
const init: PlaneProcess = JSON.parse(process.argv[2] as string);
const one = peerHandle(1);
const nothing = () => undefined;
const events: PlaneEvents = {
  handshake: nothing,
  control: nothing,
  roamed: nothing,
  confirmed: (_peer, localIndex) => say({ confirmed: localIndex }),
  noSession: nothing,
  noNextHop: nothing,
};

try {
  const node = await createNodePlane({
    kind: init.kind,
    crypto: nodeCrypto(),
    events,
    port: init.port,
    onTunLost: () => say({ lost: true }),
    ...(init.tun === undefined
      ? {}
      : {
          tun: {
            name: init.tun.name,
            addresses: init.tun.addresses.map(([address, length]) => ({ address: parseAddress(address), length })),
            routes: [],
          },
        }),
  });
  node.plane.setSelf(init.self as NodeId);
  node.plane.setRelaySources(init.relaySources.map(parseEndpoint));
  for (const [dst, hop] of init.nextHops) node.plane.setNextHop(dst as NodeId, parseEndpoint(hop));
  if (init.peer !== undefined) {
    const { allowed, relayTo, initiator, sendKey, receiveKey, cipher } = init.peer;
    const at = parseEndpoint(init.peer.endpoint);
    const path: Path =
      relayTo === undefined ? { kind: 'direct', endpoint: at } : { kind: 'relay', hop: at, dst: relayTo as NodeId };
    const now = node.now();
    node.plane.setPeer(
      { peer: one, allowed: allowed.map(parsePrefix), path, gate: 'open', cipher, keepAlive: initiator ? 1 : 0 },
      now,
    );
    node.plane.setSession(
      {
        peer: one,
        localIndex: 1,
        remoteIndex: 1,
        sendKey: keyOf(sendKey),
        receiveKey: keyOf(receiveKey),
        aesSendKey: keyOf(sendKey + 100),
        aesReceiveKey: keyOf(receiveKey + 100),
        role: initiator ? 'initiator' : 'responder',
        expiresAt: now + 180_000,
      },
      now,
    );
  }
  say({ up: node.interfaceName, port: node.port });
  process.stdin.on('data', () => say({ peer: node.plane.peerCounters(one), all: node.plane.counters() }));
  process.stdin.on('end', () => void node.stop());
} catch (error) {
  if (!(error instanceof Error) || !('code' in error)) throw error;
  say({ code: error.code, message: error.message });
}
