const TYPES: Readonly<Record<string, string>> = {
  ...{ mp4: 'video/mp4', m4v: 'video/mp4', webm: 'video/webm', mkv: 'video/x-matroska', mov: 'video/quicktime' },
  ...{ avi: 'video/x-msvideo', ogv: 'video/ogg', mpg: 'video/mpeg', mpeg: 'video/mpeg', ts: 'video/mp2t' },
  ...{ m2ts: 'video/mp2t', wmv: 'video/x-ms-wmv', flv: 'video/x-flv', '3gp': 'video/3gpp' },
  ...{ mp3: 'audio/mpeg', m4a: 'audio/mp4', m4b: 'audio/mp4', aac: 'audio/aac', ogg: 'audio/ogg', oga: 'audio/ogg' },
  ...{ opus: 'audio/ogg', flac: 'audio/flac', wav: 'audio/wav', weba: 'audio/webm' },
  ...{ jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', gif: 'image/gif', webp: 'image/webp' },
  ...{ avif: 'image/avif', bmp: 'image/bmp', ico: 'image/x-icon', svg: 'image/svg+xml' },
  ...{ txt: 'text/plain; charset=utf-8', md: 'text/plain; charset=utf-8', nfo: 'text/plain; charset=utf-8' },
  ...{ srt: 'text/plain; charset=utf-8', vtt: 'text/vtt; charset=utf-8', csv: 'text/csv; charset=utf-8' },
  ...{ html: 'text/html', htm: 'text/html', xhtml: 'application/xhtml+xml', xml: 'application/xml' },
  ...{ pdf: 'application/pdf', epub: 'application/epub+zip', json: 'application/json', zip: 'application/zip' },
  ...{ gz: 'application/gzip', iso: 'application/octet-stream', m3u8: 'application/vnd.apple.mpegurl' },
};

/** By the ending of the name: nobody has the bytes yet. */
export function contentType(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return (Object.hasOwn(TYPES, ending) ? TYPES[ending] : undefined) ?? 'application/octet-stream';
}

/** True for what a browser may show in place. What can carry scripts would run with the rights of this server's pages. */
export function harmless(type: string): boolean {
  return /^(?:video|audio|image|text\/plain|text\/vtt|application\/pdf)/.test(type) && !type.includes('svg');
}
