/** The mesh: ledger, presence, links, routing, relaying and NAT traversal. Pure: no I/O, no clock. */
export * from './plane.ts';
export * from './api.ts';
export * from './ledger/index.ts';
