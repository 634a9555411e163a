/** The browser's disk for this site (OPFS), as far as kith uses it: TypeScript knows the parts for workers only apart from pages. */

export interface SyncHandle {
  /** @returns bytes read: fewer at the end of the file */
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(from: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** A share's folder; whoever has it open has it alone. */
export interface Folder {
  readonly content: SyncHandle;
  readonly have: SyncHandle;
}

const ROOT = 'kith';
/** After a reload the page before may hold its files for a moment. */
const PATIENCE = 3000;

/** Undefined where this browser has no such disk. Rejects with `NoModificationAllowedError` where another page has it open. */
export async function openFolder(id: string): Promise<Folder | undefined> {
  if (!('storage' in navigator) || !('getDirectory' in navigator.storage)) return undefined;
  let folder: FileSystemDirectoryHandle;
  try {
    const root = await navigator.storage.getDirectory();
    folder = await (await root.getDirectoryHandle(ROOT, { create: true })).getDirectoryHandle(id, { create: true });
  } catch {
    // Private windows of some browsers have the interface and nothing behind it.
    return undefined;
  }
  const content = await open(folder, 'content');
  if (content === undefined) return undefined;
  const have = await open(folder, 'have');
  if (have !== undefined) return { content, have };
  content.close();
  return undefined;
}

/** Its files have to be closed. */
export async function removeFolder(id: string): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
  await root.removeEntry(id, { recursive: true });
}

/** All but one; those that another page has open stay. */
export async function removeOthers(id: string): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
  const names: string[] = [];
  for await (const name of root.keys()) if (name !== id) names.push(name);
  for (const name of names) await root.removeEntry(name, { recursive: true }).catch(() => undefined);
}

export function isLocked(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NoModificationAllowedError';
}

async function open(folder: FileSystemDirectoryHandle, name: string): Promise<SyncHandle | undefined> {
  const file = await folder.getFileHandle(name, { create: true });
  if (!canSync(file)) return undefined;
  for (const until = performance.now() + PATIENCE; ;) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (!isLocked(error) || performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function canSync(
  file: FileSystemFileHandle,
): file is FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncHandle> } {
  return 'createSyncAccessHandle' in file;
}
