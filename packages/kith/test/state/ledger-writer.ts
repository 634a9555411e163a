/** A process that appends numbered records to a ledger file and prints each number once it is acknowledged. */
import { writeSync } from 'node:fs';
import { LedgerFile } from '../../src/state/ledger-file.ts';
import { recordOf } from './records.ts';

const file = LedgerFile.open(process.argv[2] as string);
let number = file.statements.length;
writeSync(1, `open ${number}\n`);
for (;;) {
  // Now and then several at once, which are acknowledged together.
  const count = number % 5 === 0 ? 3 : 1;
  file.appendAll(Array.from({ length: count }, (_, i) => recordOf(number + i)));
  number += count;
  writeSync(1, `${number}\n`);
}
