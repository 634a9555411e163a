import { fromHex } from '@kith/core';
import { bencode, type Metainfo } from '@kith/torrent';

/**
 * A torrent file (BEP 3, BEP 52) around an info dictionary as it came from peers, whose bytes must not change: the
 * info-hash is of them.
 * @param layers hex of a file's root → its piece layer
 */
export function torrentFileOf({ info }: Pick<Metainfo, 'info'>, layers: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries = [...layers].map(([root, layer]) => [bencode.binaryString(fromHex(root)), layer] as const);
  const tail = entries.length === 0 ? [] : [Buffer.from('12:piece layers'), bencode.encode(new Map(entries))];
  return Buffer.concat([Buffer.from('d4:info'), info, ...tail, Buffer.from('e')]);
}
