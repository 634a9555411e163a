/** A plan for people: each change with the line that wants it, below it what differs. */
import type { Cause, Item, TableValue } from './item.ts';
import { sameValue } from './item.ts';
import type { Change, Operation, Plan } from './plan.ts';

const SIGNS: Readonly<Record<Operation, string>> = {
  add: '+',
  change: '~',
  rebuild: '±',
  remake: '±',
  restart: '↻',
  remove: '-',
  restore: '<',
};

const WORDS: Readonly<Record<Operation, string>> = {
  add: '',
  change: '',
  rebuild: ' (made anew)',
  remake: ' (comes back with the link)',
  restart: ' (restarted)',
  remove: '',
  restore: ' (as it was before kith)',
};

/** Lines of a file that are shown around what differs. */
const AROUND = 1;
/** Above this many lines a file's change is told by its numbers only. */
const MOST_LINES = 2000;

/** The whole plan as text; of an empty one the sentence that there is nothing to do. */
export function planText(plan: Plan): string {
  if (plan.changes.length === 0) return 'Nothing to do: the host is as the file wants it.\n';
  return `${plan.changes.map(changeText).join('\n')}\n\n${summary(plan)}\n`;
}

/** `7 to add, 1 to change, 0 to remove`. */
function summary({ changes }: Plan): string {
  const count = (...operations: Operation[]): number =>
    changes.filter((each) => operations.includes(each.operation)).length;
  return `${count('add')} to add, ${count('change', 'rebuild', 'remake', 'restart')} to change, ${count('remove', 'restore')} to remove`;
}

function changeText(change: Change): string {
  const head = `${SIGNS[change.operation]} ${change.key}${WORDS[change.operation]}`;
  const where = change.cause === null ? '' : causeText(change.cause);
  return [where === '' ? head : `${head.padEnd(60)}  # ${where}`, ...detail(change)].join('\n');
}

export function causeText(cause: Cause): string {
  return `${cause.file}:${cause.line} ${cause.path}`;
}

function detail({ before, after, operation }: Change): string[] {
  if (operation === 'remove' || operation === 'restart') return [];
  if (after?.kind === 'file')
    return fileDetail(before?.kind === 'file' ? before.value.content : '', after.value.content);
  if (after?.kind === 'table') return tableDetail(before, after.value);
  const old = new Map<string, unknown>(Object.entries(operation === 'add' ? {} : (before?.value ?? {})));
  const now = new Map<string, unknown>(Object.entries(after?.value ?? {}));
  const lines: string[] = [];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = [old.get(key), now.get(key)];
    if (sameValue(a, b)) continue;
    if (operation !== 'add') lines.push(`    ${key}: ${shown(a)} → ${shown(b)}`);
    else if (b !== null) lines.push(`    ${key}: ${shown(b)}`);
  }
  return lines;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  if (typeof value === 'string') return value;
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** Of a new table how much is in it, of another one the rules that come and go. */
function tableDetail(before: Item | null, value: TableValue): string[] {
  const rules = rulesOf(value);
  if (before?.kind !== 'table') return [`    ${rules.length} rules in ${Object.keys(value.chains).length} chains`];
  const lines = fileDetail(rulesOf(before.value).join('\n'), rules.join('\n'));
  return lines.length > 0 ? lines : ['    the same rules with other values'];
}

function rulesOf({ chains }: TableValue): string[] {
  return Object.entries(chains).flatMap(([chain, comments]) => comments.map((comment) => `${chain} ${comment}`));
}

function fileDetail(old: string, content: string): string[] {
  const [a, b] = [linesOf(old), linesOf(content)];
  if (a.length * b.length > MOST_LINES * MOST_LINES) return [`    ${a.length} lines → ${b.length} lines`];
  const marked = differences(a, b);
  const near = (at: number): boolean =>
    marked.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ sign }) => sign !== ' ');
  return marked.flatMap(({ sign, line }, at) => (near(at) ? [`    ${sign} ${line}`.trimEnd()] : []));
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** The longest common sequence of lines stays, the rest goes or comes. */
function differences(a: readonly string[], b: readonly string[]): { sign: ' ' | '-' | '+'; line: string }[] {
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  const length = (i: number, j: number): number => common[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
    }
  }
  const out: { sign: ' ' | '-' | '+'; line: string }[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ sign: ' ', line: a[i] as string });
      i++;
      j++;
    } else if (i < a.length && (j === b.length || length(i + 1, j) >= length(i, j + 1))) {
      out.push({ sign: '-', line: a[i++] as string });
    } else out.push({ sign: '+', line: b[j++] as string });
  }
  return out;
}
