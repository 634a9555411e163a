/** SubRip captions as WebVTT, which is what browsers show. There is no written specification of the first; this is what files have. */

/** Captions are text for a few hours; what is larger is none, bytes. */
export const MOST_CAPTIONS: number = 4 * 1_048_576;

/** @param bytes in UTF-8, or in the code page of western Windows, which old files have */
export function captionText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** WebVTT stays what it is. */
export function toVtt(text: string): string {
  const lines = text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n');
  if (lines.startsWith('WEBVTT')) return lines;
  const cues = lines.split(/\n{2,}/).flatMap((block) => {
    const found = TIMES.exec(block);
    if (found === null) return [];
    const [whole, from = '', to = ''] = found;
    const said = block
      .slice(found.index + whole.length)
      .replace(/^[^\n]*\n?/, '')
      .replaceAll('-->', '→')
      .trimEnd();
    return said === '' ? [] : [`${time(from)} --> ${time(to)}\n${said}`];
  });
  return `WEBVTT\n\n${cues.join('\n\n')}\n`;
}

const TIMES = /(\d{1,3}:\d{1,2}:\d{1,2}[,.]\d{1,3})[ \t]*-->[ \t]*(\d{1,3}:\d{1,2}:\d{1,2}[,.]\d{1,3})/;

/** `1:2:3,4` as `01:02:03.400`. */
function time(text: string): string {
  const [hours = '', minutes = '', seconds = '', part = ''] = text.split(/[:,.]/);
  const two = (digits: string): string => digits.padStart(2, '0');
  return `${two(hours)}:${two(minutes)}:${two(seconds)}.${part.padEnd(3, '0')}`;
}
