/**
 * Topologies of real Linux network namespaces: an internet, hosts, and routers with the NAT kinds of the field, for
 * tests, demo and benchmarks. Needs root. No packet leaves the namespaces, and none survives its lab.
 */
export { Actor, type RunKithOptions, type SeenMember, type SeenStatus } from './actor.ts';
export { Bare, type CableEnd } from './bare.ts';
export { Capture, type CaptureOptions } from './capture.ts';
export { LabError } from './error.ts';
export { Attached, type Shape } from './attached.ts';
export { Host, type HostOptions, type Place } from './host.ts';
export { Internet, type InternetOptions } from './internet.ts';
export { Lab, type LabOptions } from './lab.ts';
export { Machine, type RunOptions, type RunResult } from './machine.ts';
export { parsePcap, type Packet } from './pcap.ts';
export { LabProcess, type Exit, type SpawnOptions } from './process.ts';
export { Router, type RouterOptions } from './router.ts';
export type { HostFirewall, NatKind, PortRule } from './rules.ts';
export type { Setup } from './shell.ts';
export type { Addresses, Switch } from './switch.ts';
