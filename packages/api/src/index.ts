/**
 * What goes over kith's APIs as JSON: one set of shapes for the processes, the command line and the pages. Sizes are in
 * bytes, rates in bytes per second, times in ms: since 1970 where they name a moment.
 */
export type * from './error.ts';
export type * from './face.ts';
export type * from './gateway.ts';
export type * from './mesh.ts';
export type * from './share.ts';
export { FACE_ROUTES } from './routes.ts';
