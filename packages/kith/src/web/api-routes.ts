/**
 * The face's routes, each once: what it is for, what it takes, what it answers and who may. The server is made of this
 * table, and so is its description.
 */
import { FACE_ROUTES } from '@kith/api';

export type FaceRoute = keyof typeof FACE_ROUTES;

export interface Description {
  readonly method: 'get' | 'post';
  readonly route: FaceRoute;
  readonly summary: string;
  /** Name of the type in `@kith/api` that comes back. */
  readonly answer: string;
  /** Keys of the body with what they are, for those that take one. */
  readonly body?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

const SHARE_ACTIONS = 'pause, resume, recheck, remove, limit or select';

export const DESCRIPTIONS: readonly Description[] = [
  { method: 'get', route: 'session', summary: 'Who asks, and what they may do.', answer: 'SessionReport' },
  { method: 'get', route: 'overview', summary: 'Numbers and alerts of all there is.', answer: 'OverviewReport' },
  { method: 'get', route: 'status', summary: 'What the daemon of a network tells.', answer: 'StatusReport' },
  { method: 'get', route: 'topology', summary: 'Members of a network and their links.', answer: 'TopologyReport' },
  { method: 'get', route: 'nodes', summary: 'Members and routers in one list.', answer: 'NodesReport' },
  {
    ...{ method: 'get', route: 'history', summary: 'How a member did over time.', answer: 'HistoryReport' },
    query: { span: 'hour, day or month' },
  },
  { method: 'get', route: 'gateway', summary: 'Services, leases, bans and findings.', answer: 'GatewayReport or null' },
  { method: 'get', route: 'routers', summary: "The gateway's routers and their links.", answer: 'TopologyReport' },
  { method: 'get', route: 'shelf', summary: 'What members share.', answer: 'ShelfReport' },
  { method: 'get', route: 'shares', summary: 'What is shared and loaded here.', answer: 'SharesReport' },
  { method: 'get', route: 'share', summary: 'One of them with files and peers.', answer: 'ShareDetails' },
  { method: 'get', route: 'events', summary: 'Server-sent events: which reports changed.', answer: 'ChangeEvent' },
  { method: 'get', route: 'openapi', summary: 'This description.', answer: 'OpenAPI 3.1' },
  {
    ...{ method: 'post', route: 'invites', summary: 'Makes an invite.', answer: 'InviteReport' },
    body: {
      ...{ name: 'text or null', address: 'text or null', uses: 'number', expiresIn: 'ms or null' },
      ...{ tags: 'list of text', via: 'list of text or null' },
    },
  },
  {
    ...{ method: 'post', route: 'revocations', summary: 'Cuts a member or an invite off.', answer: 'RevokeReport' },
    body: { target: 'name, id or address' },
  },
  {
    ...{ method: 'post', route: 'changes', summary: 'Changes a member.', answer: 'ChangeReport' },
    body: {
      ...{ member: 'name, id or address', name: 'text or null', address: 'text or null' },
      ...{ admin: 'true, false or null', relay: 'true, false or null' },
    },
  },
  {
    ...{ method: 'post', route: 'examination', summary: 'Lets the doctor look.', answer: 'list of FindingView' },
    body: { mend: 'whether what is safe is mended' },
  },
  {
    ...{ method: 'post', route: 'bans', summary: 'Bans an address, or lifts a ban.', answer: 'DoneReport' },
    body: { address: 'text', seconds: 'number or null for the usual time; 0 lifts' },
  },
  {
    ...{ method: 'post', route: 'shares', summary: 'Loads what a magnet link leads to.', answer: 'ShareReport' },
    body: { magnet: 'text' },
  },
  {
    ...{ method: 'post', route: 'share', summary: 'Does something with a share.', answer: 'ShareReport' },
    body: { action: SHARE_ACTIONS, data: 'flag', down: 'rate or null', up: 'rate or null', select: 'list of text' },
  },
  {
    ...{ method: 'post', route: 'streams', summary: 'A link for a player.', answer: 'StreamReport' },
    body: { file: 'number, name or null' },
  },
];

/** OpenAPI 3.1 of the table. */
export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, route, summary, answer, body, query } of DESCRIPTIONS) {
    const path = FACE_ROUTES[route].replaceAll(/:(\w+)/g, '{$1}');
    const inPath = [...FACE_ROUTES[route].matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
    paths[path] = {
      ...paths[path],
      [method]: {
        operationId: `${method}${route[0]?.toUpperCase() ?? ''}${route.slice(1)}`,
        summary,
        parameters: [
          ...inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
          ...Object.entries(query ?? {}).map(([name, description]) => ({
            ...{ name, in: 'query', description, schema: { type: 'string' } },
          })),
        ],
        ...(body === undefined ? {} : { requestBody: { required: true, content: jsonOf(body) } }),
        responses: {
          200: { description: answer },
          default: {
            description: 'An error of docs/errors.md',
            content: jsonOf({ error: 'code, message and advice' }),
          },
        },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'kith',
      version,
      description: "What a machine's page asks. Members read; admins and the owner act.",
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths,
  };
}

function jsonOf(keys: Readonly<Record<string, string>>): object {
  const properties = Object.fromEntries(Object.entries(keys).map(([key, description]) => [key, { description }]));
  return { 'application/json': { schema: { type: 'object', additionalProperties: false, properties } } };
}
