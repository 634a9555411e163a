/** Objects of the library in DIDL-Lite (ContentDirectory:1, 2.8), with the words that Samsung's sets know subtitles by. */
import { filePath } from '../stream/listing.ts';
import type { MediaObject, MediaSource } from './library.ts';
import { type MediaKind, protocolInfo, SUBTITLE_TYPE } from './media-type.ts';
import { escapeXml } from './xml.ts';

const CLASSES: Readonly<Record<MediaKind, string>> = {
  video: 'object.item.videoItem',
  audio: 'object.item.audioItem.musicTrack',
  image: 'object.item.imageItem.photo',
};

/** @param base what `/media/…` is below, without a slash at its end */
export function formatDidl(objects: readonly MediaObject[], base: string): string {
  const spaces = [
    'xmlns="urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/"',
    'xmlns:dc="http://purl.org/dc/elements/1.1/"',
    'xmlns:upnp="urn:schemas-upnp-org:metadata-1-0/upnp/"',
    'xmlns:sec="http://www.sec.co.kr/"',
  ];
  return `<DIDL-Lite ${spaces.join(' ')}>${objects.map((object) => formatObject(object, base)).join('')}</DIDL-Lite>`;
}

export function mediaUrl({ key, number, file }: MediaSource, base: string): string {
  return `${base}/media/${key}/${filePath(number, file.name)}`;
}

function formatObject(object: MediaObject, base: string): string {
  const { kind, id, parent, title } = object;
  const head = `id="${escapeXml(id)}" parentID="${escapeXml(parent)}" restricted="1"`;
  const name = `<dc:title>${escapeXml(title)}</dc:title>`;
  if (kind === 'container') {
    return `<container ${head} searchable="0" childCount="${object.children.length}">${name}<upnp:class>object.container.storageFolder</upnp:class></container>`;
  }
  const { media, source, subtitles } = object;
  const parts = [
    name,
    `<upnp:class>${CLASSES[media]}</upnp:class>`,
    resource(protocolInfo(source.file.name, media), source, base),
  ];
  if (subtitles !== undefined) {
    const url = escapeXml(mediaUrl(subtitles, base));
    parts.push(
      resource(`http-get:*:${SUBTITLE_TYPE}:*`, subtitles, base),
      `<sec:CaptionInfo sec:type="srt">${url}</sec:CaptionInfo><sec:CaptionInfoEx sec:type="srt">${url}</sec:CaptionInfoEx>`,
    );
  }
  return `<item ${head}>${parts.join('')}</item>`;
}

function resource(info: string, source: MediaSource, base: string): string {
  return `<res protocolInfo="${escapeXml(info)}" size="${source.file.length}">${escapeXml(mediaUrl(source, base))}</res>`;
}
