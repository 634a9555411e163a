/** What televisions play, and how DLNA says so (DLNA Guidelines, part 1: protocolInfo and contentFeatures.dlna.org). */
import { contentType, harmless } from '../stream/content-type.ts';

export type MediaKind = 'video' | 'audio' | 'image';

/** Undefined for what is no media. */
export function mediaKind(name: string): MediaKind | undefined {
  const type = contentType(name);
  if (!harmless(type)) return undefined;
  const [kind] = type.split('/', 1);
  return kind === 'video' || kind === 'audio' || kind === 'image' ? kind : undefined;
}

/** Of subtitles: what a television has to read there, however others call it. */
export const SUBTITLE_TYPE = 'text/srt';

/** Fourth part of protocolInfo, and the header contentFeatures.dlna.org. */
export function features(kind: MediaKind): string {
  // OP: ranges of bytes, none of time. CI: not converted. FLAGS: the mode of transfer below (bit 24 or 23), background (22),
  // connections may stall (21), DLNA 1.5 (20).
  return `DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=${kind === 'image' ? '00f' : '017'}00000${'0'.repeat(24)}`;
}

/** Of the header transferMode.dlna.org, where nobody asks for another. */
export function transferMode(kind: MediaKind): 'Streaming' | 'Interactive' {
  return kind === 'image' ? 'Interactive' : 'Streaming';
}

/** How a file is fetched. */
export function protocolInfo(name: string, kind: MediaKind): string {
  return `http-get:*:${contentType(name)}:${features(kind)}`;
}

/** All that may be offered, for ConnectionManager. */
export const SOURCES: string = ['video', 'audio', 'image'].map((kind) => `http-get:*:${kind}/*:*`).join(',');
