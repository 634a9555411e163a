/** Options of verbs as the parser gives them. */
import type { Command } from 'commander';
import type { Context } from './context.ts';
import type { Result } from './output.ts';

export type Options = Readonly<Record<string, string | boolean | string[] | undefined>>;
export type Verb = (context: Context, args: readonly string[], options: Options) => Promise<Result>;
/** Adds a verb to the program, or to another verb. */
export type AddVerb = (usage: string, summary: string, verb: Verb, parent?: Command) => Command;

export function text(options: Options, key: string): string | undefined {
  const value = options[key];
  return typeof value === 'string' ? value : undefined;
}

export function list(options: Options, key: string): readonly string[] {
  const value = options[key];
  return Array.isArray(value) ? value : [];
}

export const collect: (value: string, previous: string[] | undefined) => string[] = (value, previous) => [
  ...(previous ?? []),
  value,
];
