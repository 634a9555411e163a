/**
 * The code of an error that the platform threw: `ENOENT`, `EADDRINUSE`, `ERR_SOCKET_CLOSED`. '' where it has none.
 *
 * Source: https://nodejs.org/api/errors.html#errorcode
 */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
