/** Values of options on a benchmark's command line. */

/** @throws Error naming what is wrong and what would be right */
export function whole(
  option: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  const value = Number(text ?? otherwise);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${option} ${text}: give a whole number from ${least} to ${most}`);
}

/** Names with commas between them; all that are known where none are given. @throws Error naming the unknown ones */
export function choose<Name extends string>(
  option: string,
  text: string | undefined,
  known: readonly Name[],
): Set<Name> {
  if (text === undefined) return new Set(known);
  const wanted = text.split(',').map((each) => each.trim());
  const unknown = wanted.filter((each) => !known.some((name) => name === each));
  if (unknown.length > 0)
    throw new Error(`${option}: "${unknown.join(', ')}" is unknown; there is ${known.join(', ')}`);
  return new Set(known.filter((name) => wanted.includes(name)));
}
