/** kith.yaml: read with a line for every complaint, all of them at once. */
import { KithError, nearest } from '@kith/core';
import { isMap, LineCounter, parseDocument } from 'yaml';
import type { core } from 'zod';
import type { Cause } from '../item.ts';
import { type Complaint, contradictions } from './checks.ts';
import { type Path, Places } from './places.ts';
import { checkFile, keysAt } from './schema.ts';
import { type Settings, settingsOf } from './settings.ts';

export interface GatewayFile {
  readonly settings: Settings;
  /** The line that a key below `gateway` stands in; of one that is left out, the line that it would belong to. */
  readonly causeOf: (...path: readonly (string | number)[]) => Cause;
}

/** A file of a network of a thousand routers is a tenth of it. */
const LONGEST = 1_000_000;
const MOST_COMPLAINTS = 20;

/**
 * @param name how the file is called in complaints
 * @throws KithError CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY or CONFIG_INVALID; its message has a line for each complaint
 */
export function readGatewayFile(text: string, name: string): GatewayFile {
  if (text.length > LONGEST)
    throw new KithError('CONFIG_SYNTAX', `${name}: has ${text.length} characters, ${LONGEST} is the most`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const places = new Places(document, lines, name);
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new KithError('CONFIG_SYNTAX', `${name}:${lines.linePos(problem.pos[0]).line}: ${problem.message}`);
  }
  if (!isMap(document.contents))
    throw new KithError('CONFIG_SYNTAX', `${name}:1: there must be a line "gateway:" with its settings below`);
  const value = plain(document, name);
  const checked = checkFile(value);
  if (!checked.ok) throw refusal(checked.issues, value, places);
  const settings = settingsOf(checked.written);
  const complaints = contradictions(checked.written, settings);
  if (complaints.length > 0)
    throw new KithError('CONFIG_INVALID', joined(complaints.map((each) => contradiction(each, places))));
  const alone = checked.written.domains === undefined;
  return { settings, causeOf: (...path) => places.of(['gateway', ...(alone ? singleDomain(path) : path)]) };
}

/** What is said of a domain has no line of its own where `clients` stands for the only one. */
function singleDomain(path: Path): Path {
  return path[0] === 'domains' ? ['clients'] : path;
}

/** Aliases are refused: no setting needs one, and nested ones expand without bounds. */
function plain(document: ReturnType<typeof parseDocument>, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new KithError('CONFIG_SYNTAX', `${name}: aliases (*name) are not allowed`, { cause });
  }
}

function joined(complaints: readonly string[]): string {
  const shown = complaints.slice(0, MOST_COMPLAINTS);
  const rest = complaints.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
}

function contradiction({ path, message }: Complaint, places: Places): string {
  const cause = places.of(['gateway', ...path]);
  return `${cause.file}:${cause.line}: "${cause.path}" ${message}`;
}

function refusal(issues: readonly core.$ZodIssue[], value: unknown, places: Places): KithError {
  const complaints = issues.flatMap((issue) => complaintsOf(issue, [], value, places));
  complaints.sort((a, b) => a.line - b.line);
  const unknown = complaints.length > 0 && complaints.every((each) => each.unknown);
  return new KithError(unknown ? 'CONFIG_UNKNOWN_KEY' : 'CONFIG_INVALID', joined(complaints.map((each) => each.text)));
}

interface Refused {
  readonly line: number;
  readonly text: string;
  readonly unknown: boolean;
}

function complaintsOf(issue: core.$ZodIssue, above: Path, value: unknown, places: Places): Refused[] {
  const path: Path = [...above, ...issue.path.filter((step) => typeof step !== 'symbol')];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const { line } = places.of([...path, key]);
      return { line, text: unknownKey(key, path, value, places), unknown: true };
    });
  }
  if (issue.code === 'invalid_union') {
    const branch = bestBranch(issue.errors);
    if (branch !== null) return branch.flatMap((each) => complaintsOf(each, path, value, places));
  }
  const cause = places.of(path);
  const found = at(value, path);
  const where = `${cause.file}:${cause.line}: "${cause.path}"`;
  if (found === undefined) return [{ line: cause.line, text: `${where} is missing: ${hintOf(path)}`, unknown: false }];
  return [{ line: cause.line, text: `${where} ${shown(found)} is not allowed: ${ruleOf(issue)}`, unknown: false }];
}

/** The branch that the person meant: the one whose complaints are about what is inside, not about the kind of value. */
function bestBranch(branches: readonly (readonly core.$ZodIssue[])[]): readonly core.$ZodIssue[] | null {
  return branches.find((issues) => issues.every((issue) => issue.path.length > 0 || !isAboutKind(issue))) ?? null;
}

function isAboutKind(issue: core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function ruleOf(issue: core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  if (issue.code === 'invalid_union') {
    const rules = issue.errors.flatMap((branch) => branch.map((each) => ruleOf(each).replace(/^it must be /, '')));
    return `it must be ${[...new Set(rules)].join(', or ')}`;
  }
  if (issue.code === 'invalid_type') return `it must be ${article(issue.expected)}`;
  if (issue.code === 'invalid_value') return `it must be ${issue.values.map(String).join(' or ')}`;
  return issue.message;
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list like [a, b]',
  object: 'a mapping, with its keys on lines below',
  record: 'a mapping of names, one on each line below',
};

function article(kind: string): string {
  return KINDS[kind] ?? kind;
}

const MISSING: Readonly<Record<string, string>> = {
  gateway: 'the gateway is described below it',
  'gateway.community': 'write the name of your community, like "community: Freemesh Ireland"',
  'gateway.exit': 'write the interface that leads to the internet, like "exit: eth0"',
};

function hintOf(path: Path): string {
  return MISSING[path.join('.')] ?? 'write a line with it';
}

function unknownKey(key: string, path: Path, value: unknown, places: Places): string {
  const cause = places.of([...path, key]);
  const known = keysAt(path);
  const free = known.filter((each) => !(each in Object(at(value, path))));
  const guess = nearest(key, free) ?? nearest(key, known);
  const hint = guess === null ? `; the keys here are ${known.join(', ')}` : `, did you mean "${guess}"?`;
  return `${cause.file}:${cause.line}: unknown key ${shown(cause.path)}${hint}`;
}

function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = new Map<string, unknown>(Object.entries(here)).get(String(step));
  }
  return here;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
