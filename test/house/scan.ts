/** Reads the project's own files for the rules of the house: what is there, what a file imports, what is code in it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

const GENERATED = new Set(['node_modules', 'dist', 'build', 'prebuilds', '.git', '.kith-lab']);

/** Files below `folder` (relative to the root, forward slashes, sorted) whose path ends with one of `endings`. */
export function filesIn(folder: string, ...endings: string[]): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!GENERATED.has(entry.name)) found.push(...filesIn(path, ...endings));
    } else if (entry.isFile() && (endings.length === 0 || endings.some((ending) => path.endsWith(ending)))) {
      found.push(path);
    }
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Names of the folders in packages/. */
export function packageNames(): string[] {
  return readdirSync(join(root, 'packages'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Specifiers of all imports, re-exports and dynamic imports of a module. */
export function importsOf(source: string): string[] {
  const code = blank(source, 'comments');
  const pattern = /\b(?:from|import)\s*\(?\s*(['"`])((?:(?!\1).)+)\1/g;
  return [...code.matchAll(pattern)].map((match) => match[2] ?? '');
}

/**
 * The source with comments, or comments and the contents of strings, replaced by blanks; line numbers stay. Good for
 * the house's formatted code, no full lexer: `${…}` inside a template counts as text.
 */
export function blank(source: string, what: 'comments' | 'comments and strings'): string {
  const token =
    /\/\*[^]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};+]\s*|return\s)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*[])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*\//g;
  return source.replace(token, (text) => {
    const isComment = text.startsWith('//') || text.startsWith('/*');
    if (!isComment && what === 'comments') return text;
    const kept = isComment ? '' : (text[0] ?? '');
    return kept + text.slice(kept.length, text.length - kept.length).replace(/[^\n]/g, ' ') + kept;
  });
}

/** `path:line` of each match of a global pattern. */
export function placesOf(path: string, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(
    (match) => `${path}:${text.slice(0, match.index).split('\n').length} ${match[0].trim()}`,
  );
}
