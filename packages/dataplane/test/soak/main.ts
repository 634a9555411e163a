/**
 * npm run soak -- [--minutes N] [--seed S] [--spoil memory|session|byte]…
 *
 * Ends with 1 where something is wrong.
 */
import { parseArgs } from 'node:util';
import { DEFECTS, soak, type Defect } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '4.5' },
    seed: { type: 'string', default: '1' },
    spoil: { type: 'string', multiple: true, default: [] },
  },
});
const isDefect = (text: string): text is Defect => DEFECTS.some((defect) => defect === text);
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const spoil = values.spoil.filter(isDefect);
if (!(minutes >= 0.2 && minutes <= 60) || !Number.isInteger(seed) || spoil.length < values.spoil.length) {
  process.stderr.write(`soak: --minutes is 0.2 to 60, --seed a whole number, --spoil one of ${DEFECTS.join(', ')}\n`);
  process.exit(2);
}
const tell = (line: string) => process.stdout.write(`${line}\n`);
const { failures, summary } = await soak({ seconds: minutes * 60, seed, spoil, tell });
for (const line of summary) tell(line);
for (const line of failures) tell(`FAILED: ${line}`);
tell(failures.length === 0 ? `passed; seed ${seed}` : `${failures.length} failures; seed ${seed}`);
process.exitCode = failures.length === 0 ? 0 : 1;
