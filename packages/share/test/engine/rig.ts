/** Engines on loopback with folders of their own. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { Engine, type EngineEvent, type EngineEvents, type EngineOptions, type Share } from '../../src/index.ts';

const PATIENCE = 20_000;

export async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-engine-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** An engine that is closed when the test ends. */
export async function engineIn(t: TestContext, folder: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await Engine.start({
    ...{ folder: join(folder, 'state'), host: ['127.0.0.1'], disk: { workers: 1, memory: 8 << 20, cache: 8 << 20 } },
    ...options,
  });
  t.after(() => engine.close());
  return engine;
}

/** Random files below `folder`, by path. */
export async function write(folder: string, sizes: Readonly<Record<string, number>>): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const [path, size] of Object.entries(sizes)) {
    const bytes = randomBytes(size);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
    files.set(path, bytes);
  }
  return files;
}

export function linkTo(engine: Engine, share: Share): string {
  return share.magnet([{ host: '127.0.0.1', port: engine.port }]);
}

/** Settles with the next event that `is` what is waited for, or rejects after a while. */
export function next<Name extends EngineEvent>(
  engine: Engine,
  name: Name,
  is: (event: EngineEvents[Name]) => boolean = () => true,
): Promise<EngineEvents[Name]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const states = engine.shares().map((share) => JSON.stringify(share.snapshot()));
      reject(new Error(`no event "${name}" came; ${states.join('; ')}`));
    }, PATIENCE);
    const end = engine.on(name, (event) => {
      if (!is(event)) return;
      clearTimeout(timer);
      end();
      resolve(event);
    });
  });
}

/** Waits until a share is in a state. */
export async function until(engine: Engine, share: Share, state: string): Promise<void> {
  while (share.state !== state) await next(engine, 'state', (event) => event.share === share);
}

export async function same(path: string, bytes: Buffer | undefined): Promise<boolean> {
  return bytes !== undefined && bytes.equals(await readFile(path));
}
