/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { choose, whole } from '../common/choice.ts';
import { CASES, PARTS, type Case, type Part } from './measures.ts';
import { PAIRS } from './pairs.ts';

export interface Options {
  readonly parts: ReadonlySet<Part>;
  readonly cases: readonly Case[];
  /** Only pairs of these clients; null: the pairs that are measured by default. */
  readonly clients: ReadonlySet<string> | null;
  /** Only these pairs, seed first; goes before `clients`. */
  readonly pairs: ReadonlySet<string> | null;
  readonly rounds: number;
  /** Size of the large contents in bytes. */
  readonly bytes: number;
  /** Seconds after which no further round begins. */
  readonly budget: number;
  readonly quick: boolean;
  readonly json: boolean;
  readonly write: boolean;
  /** File with figures of earlier runs, to be added to. */
  readonly keep: string | undefined;
}

const GiB = 2 ** 30;

/** @throws Error naming what is wrong and what would be right */
export function parse(argv: readonly string[], clients: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      parts: { type: 'string' },
      cases: { type: 'string' },
      clients: { type: 'string' },
      pairs: { type: 'string' },
      rounds: { type: 'string' },
      MiB: { type: 'string' },
      keep: { type: 'string' },
    },
  });
  const { quick, json, write } = values;
  const rounds = whole('--rounds', values.rounds, quick ? 1 : 3, 1, 50);
  return {
    parts: choose('--parts', values.parts, PARTS),
    cases: [...choose('--cases', values.cases, CASES)],
    clients: values.clients === undefined ? null : choose('--clients', values.clients, clients),
    pairs: values.pairs === undefined ? null : choose('--pairs', values.pairs, PAIRS),
    rounds,
    bytes: values.MiB === undefined ? (quick ? GiB / 4 : GiB) : whole('--MiB', values.MiB, 1024, 16, 8192) * 2 ** 20,
    budget: quick ? 250 : 3600,
    quick,
    json,
    write,
    keep: values.keep,
  };
}
