/** What a built addon asks of the machine that loads it, read from the file itself. */
import { must } from './programs.ts';
import type { Target } from './targets.ts';

/**
 * The newest version of each library that a prebuilt addon may ask for: none newer than those that the Node of the
 * 24 line from nodejs.org asks for itself (glibc 2.28, GLIBCXX 3.4.21, CXXABI 1.3.11).
 */
const NEWEST: Readonly<Record<string, string>> = { GLIBC: '2.17', GLIBCXX: '3.4.21', CXXABI: '1.3.9' };
const LIBRARIES = /^(libc|libm|libstdc\+\+)\.so\.6$/;
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/** What is wrong with the file, in words; empty where it suits the target. */
export function faults(file: string, target: Target): string[] {
  const read = (...options: string[]): string => must('readelf', ['-W', ...options, file], { LC_ALL: 'C' });
  const head = read('-h', '-A');
  const found = target.elf.filter((trait) => !trait.test(head)).map((trait) => `does not match ${trait.source}`);
  for (const [, library = ''] of read('-d').matchAll(/\(NEEDED\).*\[(.*)\]/g)) {
    if (!LIBRARIES.test(library)) found.push(`needs the library ${library}`);
  }
  const versions = [...read('-V').matchAll(/Name: ([A-Z]+)_([0-9.]+)/g)];
  if (versions.length === 0) found.push('names no version of any library: is it an addon?');
  for (const [whole, family = '', version = ''] of versions) {
    const newest = NEWEST[family];
    if (newest === undefined || isNewer(version, newest)) found.push(`needs ${whole.replace('Name: ', '')}`);
  }
  const exported = [...read('--dyn-syms').matchAll(/ GLOBAL +DEFAULT +\d+ (\S+)/g)].map(([, name = '']) => name);
  if (exported.toSorted().join() !== EXPORTS.join()) found.push(`exports ${exported.join(', ') || 'nothing'}`);
  return [...new Set(found)];
}

function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return false;
}
