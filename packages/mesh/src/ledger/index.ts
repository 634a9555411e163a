/** The ledger: signed statements about who is in, their deterministic fold into the roster, and invite tokens. */
export * from './body.ts';
export * from './build.ts';
export type { Equivocation } from './chain.ts';
export { address6Of, fold, prefix6Of } from './fold.ts';
export * from './ledger.ts';
export * from './roster.ts';
export { decodeStatement, signStatement, STATEMENT_LIMIT, verifyStatement } from './statement.ts';
export type { Envelope, Issuer, Statement } from './statement.ts';
export * from './token.ts';
export * from './wishes.ts';
