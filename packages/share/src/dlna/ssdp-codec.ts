/**
 * Discovery (UPnP Device Architecture 1.0, section 1): datagrams in the form of HTTP, to 239.255.255.250:1900 and back.
 *
 *     M-SEARCH * HTTP/1.1 ␍␊            NOTIFY * HTTP/1.1 ␍␊                 HTTP/1.1 200 OK ␍␊
 *     HOST: 239.255.255.250:1900 ␍␊     HOST: 239.255.255.250:1900 ␍␊        CACHE-CONTROL: max-age=<seconds> ␍␊
 *     MAN: "ssdp:discover" ␍␊           CACHE-CONTROL: max-age=<seconds> ␍␊  EXT: ␍␊
 *     MX: <seconds> ␍␊                  LOCATION: <URL> ␍␊                   LOCATION: <URL> ␍␊
 *     ST: <target> ␍␊                   NT: <target> ␍␊                      SERVER: <OS> UPnP/1.0 <product> ␍␊
 *     ␍␊                                NTS: ssdp:alive ␍␊                   ST: <target> ␍␊
 *                                       SERVER: <OS> UPnP/1.0 <product> ␍␊   USN: <name> ␍␊
 *                                       USN: <name> ␍␊                       ␍␊
 *                                       ␍␊
 */

/** A device as discovery knows it. */
export interface SsdpDevice {
  /** Without `uuid:`. */
  readonly uuid: string;
  /** URL of its description. */
  readonly location: string;
  /** Types of the device and of its services: `urn:schemas-upnp-org:…`. */
  readonly types: readonly string[];
}

export interface Search {
  /** What is looked for. */
  readonly target: string;
  /** ms within which answers are to come, spread. */
  readonly within: number;
}

export const SSDP_GROUP = '239.255.255.250';
export const SSDP_PORT = 1900;
/** Seconds that the word of a device counts. */
export const MAX_AGE = 1800;
/** Of every answer over HTTP too. The system is nobody's business. */
export const SERVER = 'Linux/1.0 UPnP/1.0 kith/1.0';

/** Bytes of a search; real ones have about 150. */
const MOST_SEARCH = 1024;
/** Seconds: later ones than that ask for no more patience (1.1, section 1.3.2). */
const MOST_MX = 5;

/** Undefined for what is no search: others' announcements, and whatever else anybody sends to the group. */
export function parseSearch(datagram: Uint8Array): Search | undefined {
  if (datagram.length > MOST_SEARCH) return undefined;
  const text = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length).toString('latin1');
  const [first, ...lines] = text.split('\r\n');
  if (first !== 'M-SEARCH * HTTP/1.1') return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const [target, mx] = [headers.get('st'), headers.get('mx') ?? ''];
  if (headers.get('man') !== '"ssdp:discover"' || target === undefined || !/^\d{1,5}$/.test(mx)) return undefined;
  return { target, within: Math.min(MOST_MX, Number(mx)) * 1000 };
}

/** Everything that the device is found as. */
export function targetsOf({ uuid, types }: SsdpDevice): string[] {
  return ['upnp:rootdevice', `uuid:${uuid}`, ...types];
}

/** As which of them a search finds it. */
export function targetsFor(device: SsdpDevice, { target }: Search): string[] {
  const all = targetsOf(device);
  return target === 'ssdp:all' ? all : all.filter((each) => each === target);
}

export function formatAnswer(device: SsdpDevice, target: string): Uint8Array {
  return message('HTTP/1.1 200 OK', [
    `CACHE-CONTROL: max-age=${MAX_AGE}`,
    'EXT:',
    `LOCATION: ${device.location}`,
    `SERVER: ${SERVER}`,
    `ST: ${target}`,
    `USN: ${nameOf(device, target)}`,
  ]);
}

export function formatAlive(device: SsdpDevice, target: string): Uint8Array {
  return message('NOTIFY * HTTP/1.1', [
    `HOST: ${SSDP_GROUP}:${SSDP_PORT}`,
    `CACHE-CONTROL: max-age=${MAX_AGE}`,
    `LOCATION: ${device.location}`,
    `NT: ${target}`,
    'NTS: ssdp:alive',
    `SERVER: ${SERVER}`,
    `USN: ${nameOf(device, target)}`,
  ]);
}

export function formatByebye(device: SsdpDevice, target: string): Uint8Array {
  return message('NOTIFY * HTTP/1.1', [
    `HOST: ${SSDP_GROUP}:${SSDP_PORT}`,
    `NT: ${target}`,
    'NTS: ssdp:byebye',
    `USN: ${nameOf(device, target)}`,
  ]);
}

function nameOf({ uuid }: SsdpDevice, target: string): string {
  return target === `uuid:${uuid}` ? target : `uuid:${uuid}::${target}`;
}

function message(first: string, headers: readonly string[]): Uint8Array {
  return Buffer.from(`${[first, ...headers].join('\r\n')}\r\n\r\n`, 'latin1');
}
