/** The simulated network of the tests: virtual clock, seeded randomness, NATs of RFC 4787, bad links, packet trace. Pure. */
export * from './box.ts';
export * from './clock.ts';
export * from './drive.ts';
export * from './host.ts';
export * from './link.ts';
export * from './network.ts';
export * from './random.ts';
export * from './realm.ts';
export * from './simulation.ts';
export * from './trace.ts';
export * from './traffic.ts';
