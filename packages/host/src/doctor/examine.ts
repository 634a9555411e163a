/** Looks at a gateway from the inside and from its clients' side, and says what is wrong and why. */
import type { Address } from '@kith/core';
import {
  type CauseOf,
  type Desired,
  diagnose,
  type Finding,
  type Gateway,
  type GatewayFacts,
  type HostFacts,
  type MeshFacts,
  type Observed,
  planFor,
} from '@kith/gateway';
import { probe } from '../probe/probe.ts';
import type { DaemonReport } from '../supervisor/daemons.ts';
import { exitFacts, upstreamFacts } from './exit.ts';
import { diskFacts, machineFacts } from './machine.ts';
import { compareTables, countPackets, otherFirewalls } from './rules.ts';
import { bannedClients, batmanFacts, fastdFacts, wireGuardFacts } from './tunnels.ts';

/** A gateway, and what is known of it already. */
export interface Patient {
  readonly gateway: Gateway;
  readonly desired: Desired;
  readonly causeOf: CauseOf;
  readonly observed: Observed;
  readonly host: HostFacts;
  /** Null: no keeper runs. */
  readonly daemons: readonly DaemonReport[] | null;
  /** As the mesh tells it; null where the gateway has nothing to do with one. */
  readonly mesh?: MeshFacts | null;
}

export interface ExamineOptions {
  /** Addresses beyond the exit that answer echoes; chosen where none are given. */
  readonly targets?: readonly Address[];
}

export interface Examination {
  /** The worst first; empty where nothing is wrong. */
  readonly findings: readonly Finding[];
  readonly facts: GatewayFacts;
  /** Milliseconds. */
  readonly took: number;
}

/**
 * Takes four to ten seconds, and changes nothing that lasts: a client with a cable into each domain's bridge takes a lease
 * and gives it back. Acts on the network namespace that the process is in.
 *
 * @throws KithError HOST_COMMAND_FAILED, HOST_PROGRAM_MISSING, HOST_ANSWER_INVALID
 */
export async function examine(patient: Patient, options: ExamineOptions = {}): Promise<Examination> {
  const { gateway, desired, observed, host, daemons, causeOf } = patient;
  const began = performance.now();
  const now = Date.now();
  // A program that is missing is a finding, and no reason to say nothing else.
  const [hasNft, hasWg] = [host.programs.has('nft'), host.programs.has('wg')];
  const [before, upstreams] = await Promise.all([
    hasNft ? countPackets(desired) : new Map<string, number>(),
    upstreamFacts(gateway),
  ]);
  const exit = { ...(await exitFacts(gateway, upstreams, options.targets ?? [])), mesh: patient.mesh ?? null };
  const targets = exit.targets.filter(({ answersHost }) => answersHost).map(({ address }) => address);
  const [clients, machine, disks, banned, fastd, wireguard, batman, others] = await Promise.all([
    Promise.all(gateway.domains.map((each) => probe(gateway, each, targets))),
    machineFacts(gateway, host),
    diskFacts(gateway),
    hasNft ? bannedClients(gateway) : [],
    fastdFacts(gateway),
    hasWg ? wireGuardFacts(gateway, now) : [],
    batmanFacts(gateway),
    hasNft ? otherFirewalls(desired) : [],
  ]);
  const facts: GatewayFacts = {
    machine,
    drift: planFor(desired, observed).changes,
    tables: hasNft ? await compareTables(desired, before) : [],
    otherFirewalls: others,
    daemons: daemons?.map((daemon) => ({ ...daemon, age: Math.max(0, now - daemon.since) })) ?? null,
    exit,
    upstreams,
    disks,
    banned,
    fastd,
    wireguard,
    batman,
    clients,
  };
  return { findings: diagnose(gateway, desired, causeOf, facts), facts, took: performance.now() - began };
}
