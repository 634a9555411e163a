/** Nodes that would lie on one another become one mark with a number. */

export interface Placed {
  /** Pixels. */
  readonly x: number;
  readonly y: number;
}

/** Pixels of a cell; nodes of one cell stand together. */
const CELL = 44;

/** @param cell 0 leaves everybody alone */
export function clustersOf<T extends Placed>(items: readonly T[], cell: number = CELL): { readonly members: T[] }[] {
  if (cell === 0) return items.map((item) => ({ members: [item] }));
  const cells = new Map<string, T[]>();
  for (const item of items) {
    const key = `${Math.floor(item.x / cell)} ${Math.floor(item.y / cell)}`;
    const members = cells.get(key);
    if (members === undefined) cells.set(key, [item]);
    else members.push(item);
  }
  return [...cells.values()].map((members) => ({ members }));
}
