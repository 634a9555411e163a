/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { choose, whole } from '../common/choice.ts';
import { MEASURES, type Effort, type Measure } from './measures/link.ts';
import type { System, SystemName } from './system.ts';

export interface Options {
  readonly systems: readonly System[];
  readonly measures: ReadonlySet<Measure>;
  readonly rounds: number;
  readonly effort: Effort;
  /** Seconds from the start after which no further round begins. */
  readonly budget: number;
  readonly quick: boolean;
  readonly json: boolean;
  readonly write: boolean;
  /** A file with the figures of earlier runs, to which those of this one are added. */
  readonly keep: string | undefined;
}

const FULL: Effort = { tcpSeconds: 4, echoes: 300, stepSeconds: 1, firstSteps: 8, laterSteps: 4 };
const QUICK: Effort = { tcpSeconds: 1, echoes: 50, stepSeconds: 0.3, firstSteps: 4, laterSteps: 2 };

/** @throws Error naming what is wrong and what would be right */
export function parse(argv: readonly string[], all: readonly System[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      systems: { type: 'string' },
      measures: { type: 'string' },
      rounds: { type: 'string' },
      keep: { type: 'string' },
    },
  });
  const { quick, json, write } = values;
  const rounds = whole('--rounds', values.rounds, quick ? 2 : 5, 1, 50);
  const names = choose<SystemName>(
    '--systems',
    values.systems,
    all.map(({ name }) => name),
  );
  return {
    systems: all.filter(({ name }) => names.has(name)),
    measures: choose<Measure>('--measures', values.measures, MEASURES),
    rounds,
    effort: quick ? QUICK : FULL,
    budget: quick ? 170 : 3600,
    quick,
    json,
    write,
    keep: values.keep,
  };
}
