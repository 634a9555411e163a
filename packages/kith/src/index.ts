/** The shell of kith: daemon, local API, command line. What others use of it is the API: its types and its client. */
export { Client } from './api/client.ts';
export { ROUTES } from './api/routes.ts';
export type * from '@kith/api';
