/** XML as UPnP needs it: small documents of others read within limits, and text put into one's own. */

/** Names are without their prefix: nothing in UPnP has the same name in two namespaces. */
export interface XmlElement {
  readonly name: string;
  /** What it holds itself, entities decoded. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** An element whose end has not come yet. */
interface OpenElement {
  readonly qualified: string;
  readonly name: string;
  text: string;
  readonly children: OpenElement[];
}

const MOST_ELEMENTS = 256;
const MOST_DEPTH = 16;
const TAG = /<(\/?)([\w.:-]{1,128})((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
/** Named where there is a name: not every television reads all numbers. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * The root of a document; undefined for what is malformed, deeper than 16 elements, has more than 256 of them, or a
 * document type: entities of one's own are how a few bytes become gigabytes. The caller bounds the length.
 */
export function parseXml(text: string): XmlElement | undefined {
  const root: OpenElement = { qualified: '', name: '', text: '', children: [] };
  const stack = [root];
  let count = 0;
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length;) {
    const top = stack.at(-1);
    if (top === undefined) return undefined;
    const mark = text.indexOf('<', at);
    const plain = decodeText(text.slice(at, mark < 0 ? undefined : mark));
    if (plain === undefined) return undefined;
    top.text += plain;
    if (mark < 0) break;
    const skipped = passOver(text, mark);
    if (skipped !== undefined) {
      if (skipped.end < 0) return undefined;
      top.text += skipped.text;
      at = skipped.end;
      continue;
    }
    TAG.lastIndex = mark;
    const [tag, slash, qualified = '', , closed] = TAG.exec(text) ?? [];
    if (tag === undefined) return undefined;
    at = mark + tag.length;
    if (slash === '/') {
      if (stack.length < 2 || top.qualified !== qualified) return undefined;
      stack.pop();
      continue;
    }
    if (++count > MOST_ELEMENTS || stack.length > MOST_DEPTH) return undefined;
    const name = qualified.slice(qualified.lastIndexOf(':') + 1);
    const element: OpenElement = { qualified, name, text: '', children: [] };
    top.children.push(element);
    if (closed !== '/') stack.push(element);
  }
  const [only, ...others] = root.children;
  return stack.length === 1 && others.length === 0 && root.text.trim() === '' ? only : undefined;
}

/** Text for an element or a quoted attribute; what XML 1.0 has no way to write becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll(/[&<>"'\t\n\r]/g, (c) => NAMES.get(c) ?? `&#${c.charCodeAt(0)};`);
}

/** Comments, instructions and raw text: where they end (-1 for nowhere), and what they say. */
function passOver(text: string, at: number): { readonly end: number; readonly text: string } | undefined {
  for (const [begin, finish] of [
    ['<!--', '-->'],
    ['<?', '?>'],
    ['<![CDATA[', ']]>'],
  ] as const) {
    if (!text.startsWith(begin, at)) continue;
    const end = text.indexOf(finish, at + begin.length);
    const raw = begin === '<![CDATA[' && end >= 0 ? text.slice(at + begin.length, end) : '';
    return { end: end < 0 ? end : end + finish.length, text: raw };
  }
  return undefined;
}

function decodeText(text: string): string | undefined {
  let broken = false;
  const decoded = text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));|&/gi,
    (_all, decimal?: string, hex?: string, name?: string) => {
      const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : undefined;
      const known =
        code === undefined ? ENTITIES.get(name ?? '') : code > 0x10_ff_ff ? undefined : String.fromCodePoint(code);
      if (known === undefined) broken = true;
      return known ?? '';
    },
  );
  return broken ? undefined : decoded;
}
