/**
 * A community's gateway from one file, as far as it can be told without touching a host: the file is read, addresses and
 * sizes are derived, and the wanted state less the observed one makes a plan. Pure; observing and applying are the shell's.
 */
export * from './desired.ts';
export * from './item.ts';
export * from './observed.ts';
export * from './plan.ts';
