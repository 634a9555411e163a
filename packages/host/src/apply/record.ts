/**
 * What kith has to know of its own doings on a host, in a file of two lines:
 *
 *     {"format":"kith gateway journal","version":1,"sha256":"…"}
 *     {…}
 *
 * The first line names the digest of the second, which is believed only when it is the one. A file that is not so stays
 * where it is, for whoever mends it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { codeOf, KithError } from '@kith/core';
import { removeFile, replaceFile } from './durable.ts';

const VERSION = 1;
/** Thousands of routers' keys and what all of the gateway's files were before (bytes). */
const LARGEST = 64 << 20;

export class RecordFile<T> {
  readonly path: string;
  readonly #format: string;
  readonly #parse: (body: unknown) => T | null;

  /** @param parse null for a body that is not of the shape */
  constructor(path: string, format: string, parse: (body: unknown) => T | null) {
    this.path = path;
    this.#format = format;
    this.#parse = parse;
  }

  /**
   * Null where there is no file.
   *
   * @throws KithError GATEWAY_RECORD_CORRUPT
   */
  read(): T | null {
    const text = this.#text();
    if (text === null) return null;
    const [head = '', body = '', ...rest] = text.split('\n');
    const header = fieldsOf(parsed(head));
    if (header?.['format'] !== this.#format) throw this.#corrupt(`is no ${this.#format}`);
    if (header['version'] !== VERSION) {
      throw this.#corrupt(`is of version ${String(header['version'])}, this kith knows version ${VERSION}`);
    }
    if (header['sha256'] !== digest(body) || rest.join('') !== '') throw this.#corrupt('is damaged');
    const value = this.#parse(parsed(body));
    if (value === null) throw this.#corrupt('has a shape that kith does not write');
    return value;
  }

  /** @param plain what `parse` will be given */
  write(plain: object): void {
    const body = JSON.stringify(plain);
    const head = JSON.stringify({ format: this.#format, version: VERSION, sha256: digest(body) });
    replaceFile(this.path, `${head}\n${body}\n`, 0o600);
  }

  remove(): void {
    removeFile(this.path);
  }

  #text(): string | null {
    try {
      if (statSync(this.path).size > LARGEST) throw this.#corrupt(`has more than ${LARGEST} bytes`);
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error instanceof KithError ? error : this.#corrupt(`cannot be read: ${String(error)}`);
    }
  }

  #corrupt(why: string): KithError {
    return new KithError('GATEWAY_RECORD_CORRUPT', `${this.path} ${why}; it is left as it is`);
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** Null for what is no plain object. */
export function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : null;
}
