/**
 * What every data plane does, sentence by sentence of the contract in `@kith/mesh`. The cases are numbered so that a
 * port to another language can name them. Peers 1, 2, … live at 192.0.2.1, 192.0.2.2, … and own 10.0.0.n and fd00::n.
 */
import { describe, it } from 'node:test';
import type { Case } from './conformance/bench.ts';
import { SENDING } from './conformance/sending.ts';
import { QUEUE } from './conformance/waiting.ts';
import { RECEIVING } from './conformance/receiving.ts';
import { CONTROL } from './conformance/control.ts';
import { SESSIONS } from './conformance/sessions.ts';
import { ROAMING } from './conformance/roaming.ts';
import { RELAYING } from './conformance/relaying.ts';
import { TIMES } from './conformance/times.ts';
import { CIPHERS } from './conformance/ciphers.ts';
import { TWO } from './conformance/together.ts';
import type { MakePlane } from './rig.ts';

const CHAPTERS: Readonly<Record<string, readonly Case[]>> = {
  sending: SENDING,
  waiting: QUEUE,
  receiving: RECEIVING,
  control: CONTROL,
  sessions: SESSIONS,
  ciphers: CIPHERS,
  roaming: ROAMING,
  relaying: RELAYING,
  times: TIMES,
  together: TWO,
};

/** Registers every case for the implementation that `make` makes. @param skip why none of them can run */
export function conformance(name: string, make: MakePlane, skip: string | false = false): void {
  describe(`${name}: contract of the data plane`, { skip }, () => {
    for (const [chapter, cases] of Object.entries(CHAPTERS)) {
      for (const [i, [sentence, run]] of cases.entries()) {
        it(`${chapter} ${i + 1}: ${sentence}`, () => {
          run(make);
        });
      }
    }
  });
}
