/** libtorrent (Debian's python3-libtorrent) with its default settings. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TorrentClient } from './client.ts';
import { startScripted } from './scripted.ts';

/** Debian's own interpreter: its packages are not seen by others. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('run_libtorrent.py', import.meta.url));

function importLibtorrent(): string {
  return execFileSync(PYTHON, ['-c', 'import libtorrent; print(libtorrent.version)'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

export const libtorrent: TorrentClient = {
  name: 'libtorrent',
  dials: true,
  missing: () => {
    try {
      importLibtorrent();
      return null;
    } catch {
      return 'the Debian package python3-libtorrent';
    }
  },
  version: () => importLibtorrent().trim(),
  start: (start) => startScripted('libtorrent', [PYTHON, SCRIPT], start),
};
