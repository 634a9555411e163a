/** Where in the file something stands: what turns the path of a value into a line. */
import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter } from 'yaml';
import type { Cause } from '../item.ts';

export type Path = readonly (string | number)[];

export class Places {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;

  constructor(document: Document, lines: LineCounter, file: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
  }

  /** The line of the value at the path, or of the nearest one above it that is written. */
  of(path: Path): Cause {
    return { file: this.#file, line: this.#lineOf(path), path: path.join('.') };
  }

  #lineOf(path: Path): number {
    let node: unknown = this.#document.contents;
    let offset = startOf(node);
    for (const step of path) {
      const next = entry(node, step);
      if (next === null) break;
      offset = next.offset;
      node = next.value;
    }
    return this.#lines.linePos(offset).line;
  }
}

function startOf(node: unknown): number {
  if (isScalar(node) || isMap(node) || isSeq(node)) return node.range?.[0] ?? 0;
  return 0;
}

/** The value below a node, and where its key stands: a value on the next line belongs to the line of its key. */
function entry(node: unknown, step: string | number): { value: unknown; offset: number } | null {
  if (isSeq(node) && typeof step === 'number') {
    const value = node.items[step];
    return value === undefined ? null : { value, offset: startOf(value) };
  }
  if (!isMap(node)) return null;
  const pair = node.items.find((each) => isPair(each) && isScalar(each.key) && String(each.key.value) === String(step));
  return pair === undefined ? null : { value: pair.value, offset: startOf(pair.key) };
}
