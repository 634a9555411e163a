/** The operator's file: found, read, checked. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { KithError } from '@kith/core';
import { type GatewayFile, readGatewayFile } from '@kith/gateway';

/** Where the file is looked for, here first. */
const PLACES = ['kith.yaml', '/etc/kith/kith.yaml'];

export interface FoundFile extends GatewayFile {
  /** As the person called it: complaints and plans name it. */
  readonly name: string;
  readonly text: string;
}

/** @param name what was given with `--file` @throws KithError GATEWAY_FILE, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID */
export function findGatewayFile(name: string | undefined): FoundFile {
  const path = name ?? PLACES.find((each) => existsSync(each));
  if (path === undefined)
    throw new KithError('GATEWAY_FILE', `there is neither ${PLACES.join(' nor ')}, and --file names no other`);
  return parseGatewayFile(readText(path), path);
}

/** @throws KithError CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID */
export function parseGatewayFile(text: string, name: string): FoundFile {
  return { name, text, ...readGatewayFile(text, name) };
}

/** @throws KithError GATEWAY_FILE */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KithError('GATEWAY_FILE', `cannot read ${path}: ${reason(cause)}`, { cause });
  }
}

/** Writes a file that was not there before. @throws KithError GATEWAY_FILE_EXISTS, GATEWAY_FILE */
export function writeNew(path: string, text: string, force: boolean): void {
  try {
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')
      throw new KithError('GATEWAY_FILE_EXISTS', `${resolve(path)} is there already`, { cause });
    throw new KithError('GATEWAY_FILE', `cannot write ${path}: ${reason(cause)}`, { cause });
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('code' in error)) return error.message;
  switch (error.code) {
    case 'ENOENT':
      return 'no such file or folder';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return error.message;
  }
}

/** The name by which this machine stands in a list of gateways: what was asked for, else its own, without a domain. */
export function gatewayName(asked: string | undefined): string {
  return asked ?? hostname().split('.')[0]?.toLowerCase() ?? 'gateway';
}
