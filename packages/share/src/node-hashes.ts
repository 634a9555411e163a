import { hash } from 'node:crypto';
import type { Hashes } from '@kith/torrent';

/** The hashes of OpenSSL inside Node, in one call each. */
export const nodeHashes: Hashes = {
  sha1: (data) => hash('sha1', data, 'buffer'),
  sha256: (data) => hash('sha256', data, 'buffer'),
};
