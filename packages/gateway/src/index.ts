/**
 * A community's gateway from one file, as far as it can be told without touching a host: the file is read, addresses and
 * sizes are derived, and the wanted state less the observed one makes a plan. Pure; observing and applying are the shell's.
 */
export * from './desired.ts';
export * from './item.ts';
export * from './observed.ts';
export * from './plan.ts';
export { type GatewayFile, readGatewayFile } from './file/read.ts';
export { jsonSchema } from './file/schema.ts';
export type * from './file/settings.ts';
export * from './derive/gateway.ts';
export { linkLocalOfMac, vniOf, wireguardLinkLocal } from './derive/hashes.ts';
export { BANS_TABLE, TABLE } from './want/firewall.ts';
export { ruleIdOf } from './emit/nft.ts';
export { APPROVED, desiredOn } from './want/host.ts';
export { causeText, planText } from './render.ts';
export type { CauseOf } from './want/list.ts';
export { gluonSite, type GluonFile, type GluonSite } from './gluon/site.ts';
export { type Imported, type ImportAnswers, importSite, type SiteSource } from './gluon/import.ts';
export * from './respondd/documents.ts';
export * from './respondd/own.ts';
export * from './respondd/request.ts';
export { BOOK_LIMITS, type BookLimits, type NodeRecord, NodeBook, type Taken } from './map/book.ts';
export { graphJson, type Json, meshviewerJson, nodelistJson, nodesJson } from './map/exports.ts';
export { type Ban, Jail, targetOf } from './bans/jail.ts';
export { failedLogin, LOGIN_PATTERNS, type LoginPattern } from './bans/patterns.ts';
export { type InitAnswers, initialFile, lanFile } from './file/init.ts';
export * from './objections.ts';
export * from './routers/registry.ts';
export { Family, type Labels } from './map/family.ts';
export { nodeMetrics } from './map/metrics.ts';
export { spareAddress } from './derive/pools.ts';
export type * from './doctor/facts.ts';
export { diagnose } from './doctor/diagnose.ts';
export type { Finding, Fix, Mend, Severity } from './doctor/finding.ts';
export { diagnoseMember, type MemberFacts, type MemberPeer, type MemberStatus } from './doctor/member.ts';
