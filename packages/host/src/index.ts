/**
 * A gateway's host: what is on it is observed and changed, daemons are supervised, routers asked, services probed from
 * their clients' side. The decisions are `@kith/gateway`'s; here are the hands.
 */
export { must, type Ran, run, type RunOptions } from './command.ts';
