/** Large files, written in pieces without holding up the process: readers find the old content or the new one, whole. */
import { open, rename, rm } from 'node:fs/promises';

export async function writeWhole(path: string, content: Iterable<string>): Promise<void> {
  const draft = `${path}.new`;
  try {
    const file = await open(draft, 'w', 0o644);
    try {
      for (const piece of content) await file.appendFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
