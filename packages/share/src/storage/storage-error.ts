import { codeOf, KithError } from '@kith/core';

/** What went wrong with a file, as it crosses from the worker: an Error would lose its fields on the way. */
export interface Fault {
  /** `code` of Node's error, for example ENOSPC; CHANGED where the file is not what it was. */
  readonly code: string;
  readonly path: string;
  /** What was done, for example `write`. */
  readonly doing: string;
  readonly detail: string;
  /** Bytes that the file still needs and bytes that are free, where the disk is full. */
  readonly needs?: number;
  readonly free?: number;
}

export function storageError(fault: Fault): KithError {
  const { path } = fault;
  const cause = new Error(`${fault.doing} ${path}: ${fault.code} ${fault.detail}`.trimEnd());
  switch (fault.code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG': {
      const needs =
        fault.needs === undefined ? '' : `: it needs ${bytes(fault.needs)} more, ${bytes(fault.free ?? 0)} are free`;
      return new KithError('STORAGE_FULL', `No room on the disk for ${path}${needs}. Free some space, then resume.`, {
        cause,
      });
    }
    case 'EACCES':
    case 'EPERM':
    case 'EROFS': {
      const why = fault.code === 'EROFS' ? 'the disk is mounted read-only' : 'permission denied';
      return new KithError('STORAGE_DENIED', `Cannot ${fault.doing} ${path}: ${why}. Mend that, then resume.`, {
        cause,
      });
    }
    case 'ENOENT':
      return new KithError('STORAGE_MISSING', `${path} is missing. Mount its disk or put it back, then resume.`, {
        cause,
      });
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'EEXIST': {
      const what =
        fault.code === 'EISDIR' ? 'a folder stands where the file belongs' : 'a file stands where a folder belongs';
      return new KithError('STORAGE_BLOCKED', `Cannot ${fault.doing} ${path}: ${what}. Move it away, then resume.`, {
        cause,
      });
    }
    case 'CHANGED':
      return new KithError(
        'STORAGE_CHANGED',
        `${path} ${fault.detail}. Check the torrent again, or put the old file back.`,
        {
          cause,
        },
      );
    default:
      return new KithError('STORAGE_FAILED', `Cannot ${fault.doing} ${path}: ${fault.code} ${fault.detail}.`, {
        cause,
      });
  }
}

/** Fields of an error that Node threw. */
export function faultOf(error: unknown, path: string, doing: string): Fault {
  return { code: codeOf(error) || 'EIO', path, doing, detail: error instanceof Error ? error.message : String(error) };
}

function bytes(n: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  let value = n;
  for (; value >= 1024 && i < units.length - 1; i++) value /= 1024;
  return `${i === 0 ? value : value.toFixed(1)} ${units[i] ?? ''}`;
}
