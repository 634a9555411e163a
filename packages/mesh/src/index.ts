/** The mesh: ledger, presence, links, routing, relaying and NAT traversal. Pure: no I/O, no clock. */
export * from './api.ts';
export * from './ledger/index.ts';
export * from './node.ts';
export * from './plane.ts';
export * from './join.ts';
