/**
 * The part of Lua that Gluon's site and domain files are written in: one table of texts, numbers, booleans and tables
 * (Lua 5.1 manual, sections 2.1 and 2.5.7). What computes a value is refused by name: files are read, never run.
 */
import { KithError } from '@kith/core';

export interface LuaTable {
  readonly list: readonly LuaValue[];
  readonly fields: ReadonlyMap<string, LuaValue>;
}

export type LuaValue = string | number | boolean | LuaTable;

/** Largest files of communities have 60 kB, a depth of 7 and a thousand values. */
const LONGEST = 512 * 1024;
const DEEPEST = 32;
const MOST_VALUES = 20_000;

/** A table of fields; those that are undefined are left out. */
export function luaTable(fields: Readonly<Record<string, LuaValue | undefined>>): LuaTable {
  const out = new Map<string, LuaValue>();
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) out.set(key, value);
  return { list: [], fields: out };
}

export function luaList(list: readonly LuaValue[]): LuaTable {
  return { list, fields: new Map() };
}

export function isLuaTable(value: LuaValue | undefined): value is LuaTable {
  return typeof value === 'object';
}

const RESERVED = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);

/** The value as Gluon's own files are laid out: two spaces, a field on each line, short lists on one. */
export function luaText(value: LuaValue, indent = ''): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  const parts = value.list.map((each) => luaText(each, `${indent}  `));
  if (value.fields.size === 0 && value.list.every((each) => typeof each !== 'object')) {
    const line = `{ ${parts.join(', ')} }`;
    if (parts.length === 0) return '{}';
    if (indent.length + line.length < 100) return line;
  }
  const fields = Array.from(value.fields, ([key, each]) => `${name(key)} = ${luaText(each, `${indent}  `)}`);
  return `{\n${[...parts, ...fields].map((part) => `${indent}  ${part},\n`).join('')}${indent}}`;
}

function name(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) && !RESERVED.has(key) ? key : `[${quoted(key)}]`;
}

function quoted(text: string): string {
  let out = '';
  for (const c of text) {
    if (c === "'" || c === '\\') out += `\\${c}`;
    else if (c === '\n') out += '\\n';
    else if (c < ' ' || c === '\u007f') out += `\\${String(c.charCodeAt(0)).padStart(3, '0')}`;
    else out += c;
  }
  return `'${out}'`;
}

/**
 * Reads a file that is one table, with or without `return` before it.
 *
 * @param file how it is called in complaints
 * @throws KithError GLUON_SITE_INVALID with file and line
 */
export function readLua(text: string, file: string): LuaTable {
  if (text.length > LONGEST) {
    throw new KithError('GLUON_SITE_INVALID', `${file}: has ${text.length} characters, ${LONGEST} is the most`);
  }
  return new Reader(text, file).file();
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '\n',
};

class Reader {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #values = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  file(): LuaTable {
    this.#space();
    if (this.#word() === 'return') this.#at += 'return'.length;
    this.#space();
    if (this.#text[this.#at] !== '{') throw this.#complaint('a table "{ … }" is expected');
    const table = this.#table(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#complaint('nothing may follow the table');
    return table;
  }

  #complaint(message: string): KithError {
    let line = 1;
    for (let i = 0; i < Math.min(this.#at, this.#text.length); i++) if (this.#text[i] === '\n') line++;
    const rest = this.#text.slice(this.#at, this.#at + 40).split('\n')[0] ?? '';
    const found = this.#at >= this.#text.length ? 'the end of the file' : JSON.stringify(rest);
    return new KithError('GLUON_SITE_INVALID', `${this.#file}:${line}: ${message}, not ${found}`);
  }

  /** Skips white space and comments. */
  #space(): void {
    for (;;) {
      while (/[ \t\r\n\f\v]/.test(this.#text[this.#at] ?? '')) this.#at++;
      if (!this.#text.startsWith('--', this.#at)) return;
      this.#at += 2;
      if (this.#longText() !== null) continue;
      const end = this.#text.indexOf('\n', this.#at);
      this.#at = end < 0 ? this.#text.length : end;
    }
  }

  #word(): string {
    let end = this.#at;
    while (/\w/.test(this.#text[end] ?? '')) end++;
    const word = this.#text.slice(this.#at, end);
    return /^\d/.test(word) ? '' : word;
  }

  #expect(c: string): void {
    this.#space();
    if (this.#text[this.#at] !== c) throw this.#complaint(`"${c}" is expected`);
    this.#at++;
  }

  #table(depth: number): LuaTable {
    if (depth >= DEEPEST) throw this.#complaint(`tables may be nested ${DEEPEST} deep`);
    const list: LuaValue[] = [];
    const fields = new Map<string, LuaValue>();
    this.#expect('{');
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === '}') break;
      const key = this.#key();
      const value = this.#value(depth + 1);
      // A field of the value nil is a field that is not there.
      if (value === null) {
        if (key !== null) fields.delete(key);
      } else if (key === null) list.push(value);
      else fields.set(key, value);
      this.#space();
      const separator = this.#text[this.#at];
      if (separator === ',' || separator === ';') this.#at++;
      else if (separator !== '}') throw this.#complaint('"," or "}" is expected, values may not be computed');
    }
    this.#at++;
    return { list, fields };
  }

  /** `name =`, `['name'] =` or nothing. */
  #key(): string | null {
    const start = this.#at;
    const word = this.#word();
    if (word !== '') {
      this.#at += word.length;
      this.#space();
      if (this.#text[this.#at] === '=' && this.#text[this.#at + 1] !== '=' && !RESERVED.has(word)) {
        this.#at++;
        return word;
      }
      this.#at = start;
      return null;
    }
    if (this.#text[start] !== '[' || this.#text[start + 1] === '[' || this.#text[start + 1] === '=') return null;
    this.#at++;
    this.#space();
    const key = this.#value(0);
    if (typeof key !== 'string' && typeof key !== 'number') throw this.#complaint('a key is a text or a number');
    this.#expect(']');
    this.#expect('=');
    return String(key);
  }

  #value(depth: number): LuaValue | null {
    if (++this.#values > MOST_VALUES) throw this.#complaint(`there may be ${MOST_VALUES} values`);
    this.#space();
    const c = this.#text[this.#at] ?? '';
    if (c === '{') return this.#table(depth);
    if (c === '"' || c === "'") return this.#shortText(c);
    if (c === '[') {
      const long = this.#longText();
      if (long !== null) return long;
    }
    const number =
      /^-?(?:0[xX][0-9a-fA-F]{1,8}|(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?)(?!\w)/.exec(
        this.#text.slice(this.#at, this.#at + 64),
      );
    if (number !== null) {
      this.#at += number[0].length;
      return number[0].startsWith('-') ? -Number(number[0].slice(1)) : Number(number[0]);
    }
    const word = this.#word();
    if (word === 'true' || word === 'false' || word === 'nil') {
      this.#at += word.length;
      return word === 'nil' ? null : word === 'true';
    }
    throw this.#complaint('a value is expected: a text, a number, true, false or a table; nothing computed');
  }

  #shortText(quote: string): string {
    let out = '';
    this.#at++;
    for (;;) {
      const c = this.#text[this.#at];
      if (c === undefined || c === '\n') throw this.#complaint(`the text lacks its closing ${quote}`);
      this.#at++;
      if (c === quote) return out;
      out += c === '\\' ? this.#escape() : c;
    }
  }

  #escape(): string {
    const decimal = /^\d{1,3}/.exec(this.#text.slice(this.#at, this.#at + 3));
    if (decimal !== null) {
      if (Number(decimal[0]) > 255) throw this.#complaint('an escape goes up to \\255');
      this.#at += decimal[0].length;
      return String.fromCharCode(Number(decimal[0]));
    }
    const c = this.#text[this.#at++] ?? '';
    return ESCAPES[c] ?? c;
  }

  /** `[[…]]` and `[=[…]=]`; null, and nothing read, where none begins. */
  #longText(): string | null {
    const open = /^\[(={0,8})\[\r?\n?/.exec(this.#text.slice(this.#at, this.#at + 12));
    if (open === null) return null;
    const close = `]${open[1] ?? ''}]`;
    const start = this.#at + open[0].length;
    const end = this.#text.indexOf(close, start);
    if (end < 0) throw this.#complaint(`"${close}" is expected somewhere after it`);
    this.#at = end + close.length;
    return this.#text.slice(start, end);
  }
}
