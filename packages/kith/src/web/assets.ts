/** The built pages, from memory: they are few, and what is not among them does not exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KithError } from '@kith/core';

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Its name changes with its content. */
  readonly lasting: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
  wasm: 'application/wasm',
  webmanifest: 'application/manifest+json',
};

/** Where the pages are built to. */
export function pagesFolder(): string {
  return fileURLToPath(new URL('../../../web/dist', import.meta.url));
}

/** Everything below a folder, by path like `assets/index.js`. @throws KithError FACE_PAGES */
export function readPages(folder: string): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name).slice(folder.length + 1);
      const type = TYPES[path.split('.').at(-1) ?? ''];
      if (type === undefined) continue;
      const body = Uint8Array.from(readFileSync(join(folder, path)));
      assets.set(path, { body, type, lasting: path.startsWith('assets/') });
    }
  } catch (cause) {
    throw new KithError('FACE_PAGES', `the pages cannot be read from ${folder}`, { cause });
  }
  if (!assets.has('index.html')) throw new KithError('FACE_PAGES', `there is no index.html in ${folder}`);
  return assets;
}

/**
 * What a page may do: run and show what comes from here, and nothing else.
 *
 * @param images where map tiles come from, if anywhere
 */
export function pagePolicy(images: string | null): string {
  const pictures = images === null ? '' : ` ${images}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: blob:${pictures}`,
    "font-src 'self'",
    "connect-src 'self'",
    "media-src 'self' blob:",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** What every answer of the face carries. */
export const GUARDS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
