/**
 * What the device says about itself: the description of a MediaServer:1 and of its two services, ContentDirectory:1 and
 * ConnectionManager:1, with what those require and nothing that is optional.
 */
import { escapeXml } from './xml.ts';

export interface ServiceDescription {
  readonly type: string;
  readonly id: string;
  /** Last part of the paths that belong to it. */
  readonly path: string;
  readonly actions: Readonly<Record<string, ActionDescription>>;
  readonly variables: readonly Variable[];
}

/** Arguments by name: the variable each is related to. */
interface ActionDescription {
  readonly in: Readonly<Record<string, string>>;
  readonly out: Readonly<Record<string, string>>;
}

interface Variable {
  readonly name: string;
  readonly type: 'string' | 'ui4' | 'i4';
  readonly evented?: boolean;
  readonly allowed?: readonly string[];
}

export const MEDIA_SERVER = 'urn:schemas-upnp-org:device:MediaServer:1';

export const CONTENT_DIRECTORY: ServiceDescription = {
  type: 'urn:schemas-upnp-org:service:ContentDirectory:1',
  id: 'urn:upnp-org:serviceId:ContentDirectory',
  path: 'content-directory',
  actions: {
    GetSearchCapabilities: { in: {}, out: { SearchCaps: 'SearchCapabilities' } },
    GetSortCapabilities: { in: {}, out: { SortCaps: 'SortCapabilities' } },
    GetSystemUpdateID: { in: {}, out: { Id: 'SystemUpdateID' } },
    Browse: {
      in: {
        ObjectID: 'A_ARG_TYPE_ObjectID',
        BrowseFlag: 'A_ARG_TYPE_BrowseFlag',
        Filter: 'A_ARG_TYPE_Filter',
        StartingIndex: 'A_ARG_TYPE_Index',
        RequestedCount: 'A_ARG_TYPE_Count',
        SortCriteria: 'A_ARG_TYPE_SortCriteria',
      },
      out: {
        Result: 'A_ARG_TYPE_Result',
        NumberReturned: 'A_ARG_TYPE_Count',
        TotalMatches: 'A_ARG_TYPE_Count',
        UpdateID: 'A_ARG_TYPE_UpdateID',
      },
    },
  },
  variables: [
    { name: 'SearchCapabilities', type: 'string' },
    { name: 'SortCapabilities', type: 'string' },
    { name: 'SystemUpdateID', type: 'ui4', evented: true },
    { name: 'A_ARG_TYPE_ObjectID', type: 'string' },
    { name: 'A_ARG_TYPE_Result', type: 'string' },
    { name: 'A_ARG_TYPE_BrowseFlag', type: 'string', allowed: ['BrowseMetadata', 'BrowseDirectChildren'] },
    { name: 'A_ARG_TYPE_Filter', type: 'string' },
    { name: 'A_ARG_TYPE_SortCriteria', type: 'string' },
    { name: 'A_ARG_TYPE_Index', type: 'ui4' },
    { name: 'A_ARG_TYPE_Count', type: 'ui4' },
    { name: 'A_ARG_TYPE_UpdateID', type: 'ui4' },
  ],
};

export const CONNECTION_MANAGER: ServiceDescription = {
  type: 'urn:schemas-upnp-org:service:ConnectionManager:1',
  id: 'urn:upnp-org:serviceId:ConnectionManager',
  path: 'connection-manager',
  actions: {
    GetProtocolInfo: { in: {}, out: { Source: 'SourceProtocolInfo', Sink: 'SinkProtocolInfo' } },
    GetCurrentConnectionIDs: { in: {}, out: { ConnectionIDs: 'CurrentConnectionIDs' } },
    GetCurrentConnectionInfo: {
      in: { ConnectionID: 'A_ARG_TYPE_ConnectionID' },
      out: {
        RcsID: 'A_ARG_TYPE_RcsID',
        AVTransportID: 'A_ARG_TYPE_AVTransportID',
        ProtocolInfo: 'A_ARG_TYPE_ProtocolInfo',
        PeerConnectionManager: 'A_ARG_TYPE_ConnectionManager',
        PeerConnectionID: 'A_ARG_TYPE_ConnectionID',
        Direction: 'A_ARG_TYPE_Direction',
        Status: 'A_ARG_TYPE_ConnectionStatus',
      },
    },
  },
  variables: [
    { name: 'SourceProtocolInfo', type: 'string', evented: true },
    { name: 'SinkProtocolInfo', type: 'string', evented: true },
    { name: 'CurrentConnectionIDs', type: 'string', evented: true },
    {
      name: 'A_ARG_TYPE_ConnectionStatus',
      type: 'string',
      allowed: ['OK', 'ContentFormatMismatch', 'InsufficientBandwidth', 'UnreliableChannel', 'Unknown'],
    },
    { name: 'A_ARG_TYPE_ConnectionManager', type: 'string' },
    { name: 'A_ARG_TYPE_Direction', type: 'string', allowed: ['Input', 'Output'] },
    { name: 'A_ARG_TYPE_ProtocolInfo', type: 'string' },
    { name: 'A_ARG_TYPE_ConnectionID', type: 'i4' },
    { name: 'A_ARG_TYPE_AVTransportID', type: 'i4' },
    { name: 'A_ARG_TYPE_RcsID', type: 'i4' },
  ],
};

export const SERVICES: readonly ServiceDescription[] = [CONTENT_DIRECTORY, CONNECTION_MANAGER];

/** Of the device (1.0, section 2.1). @param name for people @param uuid without `uuid:` */
export function deviceDescription(name: string, uuid: string): string {
  const services = SERVICES.map(
    ({ type, id, path }) =>
      `<service><serviceType>${type}</serviceType><serviceId>${id}</serviceId><SCPDURL>/${path}.xml</SCPDURL><controlURL>/control/${path}</controlURL><eventSubURL>/events/${path}</eventSubURL></service>`,
  );
  return `${HEAD}<root xmlns="urn:schemas-upnp-org:device-1-0" xmlns:dlna="urn:schemas-dlna-org:device-1-0">${VERSION}<device>${[
    '<dlna:X_DLNADOC>DMS-1.50</dlna:X_DLNADOC>',
    `<deviceType>${MEDIA_SERVER}</deviceType>`,
    `<friendlyName>${escapeXml(name)}</friendlyName>`,
    '<manufacturer>kith</manufacturer>',
    '<modelDescription>Films, music and pictures that this machine shares</modelDescription>',
    '<modelName>kith</modelName>',
    '<modelNumber>1</modelNumber>',
    `<UDN>uuid:${uuid}</UDN>`,
    `<serviceList>${services.join('')}</serviceList>`,
  ].join('')}</device></root>\n`;
}

/** Of a service (1.0, section 2.3). */
export function serviceDescription({ actions, variables }: ServiceDescription): string {
  const list = (direction: 'in' | 'out', related: Readonly<Record<string, string>>): string[] =>
    Object.entries(related).map(
      ([name, variable]) =>
        `<argument><name>${name}</name><direction>${direction}</direction><relatedStateVariable>${variable}</relatedStateVariable></argument>`,
    );
  const offered = Object.entries(actions).map(([name, action]) => {
    const parts = [...list('in', action.in), ...list('out', action.out)].join('');
    return `<action><name>${name}</name><argumentList>${parts}</argumentList></action>`;
  });
  const states = variables.map(({ name, type, evented, allowed }) => {
    const values = allowed?.map((value) => `<allowedValue>${value}</allowedValue>`).join('');
    const among = values === undefined ? '' : `<allowedValueList>${values}</allowedValueList>`;
    return `<stateVariable sendEvents="${evented === true ? 'yes' : 'no'}"><name>${name}</name><dataType>${type}</dataType>${among}</stateVariable>`;
  });
  return `${HEAD}<scpd xmlns="urn:schemas-upnp-org:service-1-0">${VERSION}<actionList>${offered.join('')}</actionList><serviceStateTable>${states.join('')}</serviceStateTable></scpd>\n`;
}

const HEAD = '<?xml version="1.0" encoding="utf-8"?>\n';
const VERSION = '<specVersion><major>1</major><minor>0</minor></specVersion>';
