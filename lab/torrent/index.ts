/** Real BitTorrent programs to test against and to be measured beside. */
export type { ClientStart, RunningClient, TorrentClient, Usage } from './client.ts';
export { freePort } from './ports.ts';
export { aria2 } from './aria2.ts';
export { libtorrent } from './libtorrent.ts';
export { residentOf, spawnTied, usageOf } from './running.ts';
export { ScriptedClient, startScripted } from './scripted.ts';
export { transmission } from './transmission.ts';
export { webtorrent } from './webtorrent.ts';
