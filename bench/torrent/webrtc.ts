/** WebRTC between two processes: kith, and the library that it uses with nothing around it. */
import { fileURLToPath } from 'node:url';
import { freePort, spawnTied, startScripted, type TorrentClient } from '@kith/lab/torrent';
import { TrackerServer } from '@kith/share';
import type { Content } from './content.ts';
import { transfer } from './transfer.ts';

const WITHIN = 120_000;
const node = (script: string): string[] => [
  process.execPath,
  '--conditions=source',
  fileURLToPath(new URL(script, import.meta.url)),
];

/** Seed and leech are two engines that know a tracker over WebSocket and no address. */
export async function kithOverWebRtc(
  content: Content,
  folder: string,
  note: (what: string) => void,
): Promise<Record<string, number>> {
  const port = await freePort();
  const tracker = new TrackerServer({ host: '127.0.0.1', port });
  await tracker.listen();
  const url = `ws://127.0.0.1:${port}/`;
  const client: TorrentClient = {
    ...{ name: 'kith', dials: true, missing: () => null, version: () => 'this one' },
    start: (start) => startScripted('kith', [...node('run-kith-webrtc.ts'), url], start),
  };
  try {
    const { wall } = await transfer({ seed: client, leech: client }, content, folder, note);
    return { wall };
  } finally {
    await tracker.close();
  }
}

/** Kith's connections without its engine, or the library without anything. @param message bytes of a write */
export async function bare(whose: 'kith' | 'library', message: number, bytes: number): Promise<Record<string, number>> {
  const script = whose === 'kith' ? 'run-kith-duplex.ts' : 'run-datachannel.ts';
  const start = (role: string) => spawnTied(whose, [...node(script), role, String(bytes), String(message)]);
  const [sender, receiver] = await Promise.all([start('send'), start('receive')]);
  try {
    const described = /^\{.*"sdp":.*\}$/;
    receiver.write((await sender.waitFor(described, WITHIN))[0]);
    sender.write((await receiver.waitFor(described, WITHIN))[0]);
    const [line] = await receiver.waitFor(/^\{"rate":.*\}$/, WITHIN);
    return { wall: JSON.parse(line).rate };
  } finally {
    await Promise.all([sender.kill(), receiver.kill()]);
  }
}
