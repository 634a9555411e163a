/** The ledger in memory from the ledger on disk. */
import { rmSync } from 'node:fs';
import { type Crypto, KithError, type NetworkId } from '@kith/core';
import { Ledger } from '@kith/mesh';
import { LedgerFile } from './ledger-file.ts';

/** Makes the file of a network that was just founded or joined; what an attempt before left there is replaced. */
export function createLedgerFile(path: string, statements: readonly Uint8Array[]): void {
  rmSync(path, { force: true });
  const file = LedgerFile.create(path);
  try {
    file.appendAll(statements);
  } finally {
    file.close();
  }
}

/**
 * Opens the file and takes its statements into a new ledger. Every one was checked before it was written; it is checked
 * again, since the file was out of our hands.
 * @throws KithError LEDGER_CORRUPT and those of `LedgerFile.open`
 */
export function openLedger(path: string, crypto: Crypto, network: NetworkId): { ledger: Ledger; file: LedgerFile } {
  const file = LedgerFile.open(path);
  try {
    const ledger = new Ledger({ crypto, network });
    for (const [i, statement] of file.statements.entries()) {
      const result = ledger.add(statement);
      if (result.kind === 'refused' && result.cause === 'invalid') {
        throw new KithError('LEDGER_CORRUPT', `${path}: statement ${i + 1} does not belong there: ${result.reason}`);
      }
    }
    if (!ledger.founded) throw new KithError('LEDGER_CORRUPT', `${path} lacks the founding statement of its network`);
    return { ledger, file };
  } catch (error) {
    file.close();
    throw error;
  }
}
