/** Which library the process for WebRTC has: the faster one of those that load on this machine. */
import type { Library, LibraryName } from './library.ts';

/** Loads one; rejects where that cannot be. */
export type Loader = () => Promise<Library>;

export interface Loaded {
  readonly library: Library;
  /** Why it is none that is faster; empty where it is the fastest, or the one that was asked for. */
  readonly instead: string;
}

/** Nothing of a library is in memory before it is tried. */
const LOADERS: ReadonlyMap<LibraryName, Loader> = new Map<LibraryName, Loader>([
  ['node-datachannel', async () => (await import('./native-library.ts')).nativeLibrary()],
  ['werift', async () => (await import('./werift-library.ts')).weriftLibrary()],
]);

/**
 * @param wanted this one and no other
 * @throws Error as a rejection, which says why there is none
 */
export async function loadLibrary(wanted?: LibraryName, loaders: typeof LOADERS = LOADERS): Promise<Loaded> {
  const problems: string[] = [];
  for (const [name, load] of loaders) {
    if (wanted !== undefined && name !== wanted) continue;
    try {
      return { library: await load(), instead: problems.join('; ') };
    } catch (error) {
      const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
      problems.push(`${name} cannot be loaded: ${reason}`);
    }
  }
  throw new Error(problems.join('; '));
}
