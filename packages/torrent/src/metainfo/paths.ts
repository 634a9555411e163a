/**
 * Names of strangers made safe to create. A name is never refused: what can't be kept is replaced, always by the same, so
 * that everybody and every restart finds the same file.
 */
import { utf8 } from '@kith/core';
import { decodeUtf8 } from '../utf8.ts';

/**
 * `portable`: names that Windows, macOS and Linux can all hold, no two of them equal where case and Unicode's normal
 * forms do not count. `posix`: only what leads elsewhere or no file system of POSIX can hold is replaced; for content
 * that lies on such a disk already.
 */
export type NameRules = 'portable' | 'posix';

/** What file systems hold for a component. */
const MOST_BYTES = 255;
/** Names are cut to this, so that there is room for what tells equal names apart. */
const CUT_BYTES = 240;
/** An extension up to this length, its dot counted, is kept when a name is cut. */
const EXTENSION_BYTES = 16;

/** Control characters and those that change the direction of writing, by which `gpj.exe` can pass for `exe.jpg`. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const FORBIDDEN = /[<>:"/\\|?*]/g;
/** Devices on Windows, with any extension. The superscript digits count as digits there. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;

/** One component of a path, safe to create. Malformed UTF-8 becomes U+FFFD. */
export function safeComponent(bytes: Uint8Array, rules: NameRules): string {
  const text = decodeUtf8(bytes);
  let name = rules === 'posix' ? text.replace(/[/\0]/g, '_') : portable(text);
  if (name === '' || name === '.' || name === '..') name = name === '' ? '_' : name.replaceAll('.', '_');
  return shortened(name, rules === 'posix' ? MOST_BYTES : CUT_BYTES);
}

function portable(text: string): string {
  const name = text
    .replace(INVISIBLE, '_')
    .replace(FORBIDDEN, '_')
    .replace(/[. ]+$/, (tail) => '_'.repeat(tail.length));
  return DEVICE.test(name) ? `_${name}` : name;
}

function shortened(name: string, most: number): string {
  if (name.length <= most / 4 || utf8(name).length <= most) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && utf8(name.slice(dot)).length <= EXTENSION_BYTES ? name.slice(dot) : '';
  return cut(name, CUT_BYTES - utf8(extension).length) + extension;
}

/** The longest start of `text` of at most so many bytes that ends between characters. */
function cut(text: string, most: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8(character).length;
    if (bytes > most) break;
    end += character.length;
  }
  return text.slice(0, end).replace(/[. ]$/, '_');
}

/**
 * Places of one torrent's files, in the order of the files: a name that is taken gets a number before its extension, and
 * so does a folder whose name is the one of a file.
 */
export class Places {
  readonly #rules: NameRules;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  /** Next number to try for a name: a hundred thousand equal names must not take a hundred thousand tries each. */
  readonly #numbers = new Map<string, number>();
  readonly #moved = new Map<string, string>();

  constructor(rules: NameRules) {
    this.#rules = rules;
  }

  /** Takes the place for a file; `components` are safe ones. */
  take(components: readonly string[]): string[] {
    const path: string[] = [];
    let key = '';
    for (const folder of components.slice(0, -1)) {
      const name = this.#folder(key, folder);
      path.push(name);
      key += `/${this.#fold(name)}`;
    }
    const name = this.#free(key, components.at(-1) ?? '_');
    this.#files.add(`${key}/${this.#fold(name)}`);
    path.push(name);
    return path;
  }

  #folder(parentKey: string, folder: string): string {
    const wanted = `${parentKey}/${this.#fold(folder)}`;
    if (this.#folders.has(wanted)) return folder;
    let name = folder;
    if (this.#files.has(wanted)) {
      name = this.#moved.get(wanted) ?? this.#free(parentKey, folder);
      this.#moved.set(wanted, name);
    }
    this.#folders.add(`${parentKey}/${this.#fold(name)}`);
    return name;
  }

  #free(parentKey: string, name: string): string {
    const key = `${parentKey}/${this.#fold(name)}`;
    if (!this.#files.has(key) && !this.#folders.has(key)) return name;
    const dot = name.lastIndexOf('.');
    const at = dot > 0 ? dot : name.length;
    for (let n = this.#numbers.get(key) ?? 1; ; n++) {
      const candidate = `${name.slice(0, at)}.${n}${name.slice(at)}`;
      const candidateKey = `${parentKey}/${this.#fold(candidate)}`;
      if (this.#files.has(candidateKey) || this.#folders.has(candidateKey)) continue;
      this.#numbers.set(key, n + 1);
      return candidate;
    }
  }

  /** Equal for names that some file system takes for the same. */
  #fold(name: string): string {
    if (this.#rules === 'posix') return name;
    if (!/[^\0-\x7f]/.test(name)) return name.toLowerCase();
    return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC');
  }
}
