/** The actions of ContentDirectory:1 and ConnectionManager:1 on a library. */
import { CONNECTION_MANAGER, CONTENT_DIRECTORY, type ServiceDescription } from './descriptions.ts';
import { formatDidl } from './didl.ts';
import type { MediaLibrary } from './library.ts';
import { SOURCES } from './media-type.ts';
import { type SoapAction, UpnpError } from './soap.ts';

/** Objects in one answer: who asks for more, or for all, gets these and asks again from there. */
const MOST_OBJECTS = 500;

type Values = Readonly<Record<string, string>>;

/** What an action answers, by argument. @param base as in `formatDidl` @throws UpnpError */
export function perform(
  service: ServiceDescription,
  { action, values }: SoapAction,
  library: MediaLibrary,
  base: string,
): Values {
  const description = Object.hasOwn(service.actions, action) ? service.actions[action] : undefined;
  if (description === undefined) throw new UpnpError(401, 'Invalid Action');
  for (const name of Object.keys(description.in)) {
    if (!values.has(name)) throw new UpnpError(402, `Invalid Args: ${name} is missing`);
  }
  switch (action) {
    case 'Browse':
      return browse(values, library, base);
    case 'GetSystemUpdateID':
      return { Id: `${library.update}` };
    case 'GetSearchCapabilities':
      return { SearchCaps: '' };
    case 'GetSortCapabilities':
      return { SortCaps: '' };
    case 'GetProtocolInfo':
      return { Source: SOURCES, Sink: '' };
    case 'GetCurrentConnectionIDs':
      return { ConnectionIDs: '0' };
    case 'GetCurrentConnectionInfo':
      return connection(values.get('ConnectionID'));
    default:
      throw new UpnpError(401, 'Invalid Action');
  }
}

/** The evented variables of a service, as they are. */
export function stateOf(service: ServiceDescription, library: MediaLibrary): Values {
  if (service === CONTENT_DIRECTORY) return { SystemUpdateID: `${library.update}` };
  if (service === CONNECTION_MANAGER) {
    return { SourceProtocolInfo: SOURCES, SinkProtocolInfo: '', CurrentConnectionIDs: '0' };
  }
  return {};
}

/** The filter counts for nothing: the few properties that there are come always. So does the order, as none was promised. */
function browse(values: ReadonlyMap<string, string>, library: MediaLibrary, base: string): Values {
  const object = library.object(values.get('ObjectID')?.trim() ?? '');
  if (object === undefined) throw new UpnpError(701, 'No such object');
  const [from, count] = [whole(values, 'StartingIndex'), whole(values, 'RequestedCount')];
  const flag = values.get('BrowseFlag')?.trim();
  const answer = (objects: Parameters<typeof formatDidl>[0], total: number): Values => ({
    Result: formatDidl(objects, base),
    NumberReturned: `${objects.length}`,
    TotalMatches: `${total}`,
    UpdateID: `${library.update}`,
  });
  if (flag === 'BrowseMetadata') return answer([object], 1);
  if (flag !== 'BrowseDirectChildren') throw new UpnpError(402, 'Invalid Args: BrowseFlag');
  if (object.kind !== 'container') throw new UpnpError(710, 'No such container');
  const most = count === 0 ? MOST_OBJECTS : Math.min(count, MOST_OBJECTS);
  return answer(object.children.slice(from, from + most), object.children.length);
}

/** There is only the one connection that HTTP counts as (ConnectionManager:1, 2.4.6). */
function connection(id: string | undefined): Values {
  if (id?.trim() !== '0') throw new UpnpError(706, 'Invalid connection reference');
  return {
    ...{ RcsID: '-1', AVTransportID: '-1', ProtocolInfo: '', PeerConnectionManager: '', PeerConnectionID: '-1' },
    ...{ Direction: 'Output', Status: 'Unknown' },
  };
}

function whole(values: ReadonlyMap<string, string>, name: string): number {
  const text = values.get(name)?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new UpnpError(402, `Invalid Args: ${name}`);
}
