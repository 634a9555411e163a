/**
 * SOAP as UPnP uses it (UPnP Device Architecture 1.0, section 3): a POST whose header SOAPACTION names service and action,
 * and whose body has the arguments as text.
 *
 *     SOAPACTION: "urn:schemas-upnp-org:service:ContentDirectory:1#Browse"
 *
 *     <s:Envelope …><s:Body><u:Browse xmlns:u="…"><ObjectID>0</ObjectID>…</u:Browse></s:Body></s:Envelope>
 */
import { escapeXml, parseXml } from './xml.ts';

export interface SoapAction {
  /** Type of the service: `urn:schemas-upnp-org:service:…`. */
  readonly service: string;
  readonly action: string;
  readonly values: ReadonlyMap<string, string>;
}

/** What a control point is told when its action fails: `code` is of UPnP (3.2.2) or of the service's own section. */
export class UpnpError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'UpnpError';
    this.code = code;
  }
}

/** Bytes of the body of an action. */
export const MOST_SOAP = 65_536;

/** Undefined for what is none, or names another action in its head than in its body. */
export function parseAction(header: string | undefined, body: string): SoapAction | undefined {
  const [, service, action] = /^\s*"?([\w:.-]{1,256})#(\w{1,128})"?\s*$/.exec(header ?? '') ?? [];
  if (service === undefined || action === undefined || body.length > MOST_SOAP) return undefined;
  const envelope = parseXml(body);
  if (envelope?.name !== 'Envelope') return undefined;
  const called = envelope.children.find(({ name }) => name === 'Body')?.children[0];
  if (called?.name !== action) return undefined;
  return { service, action, values: new Map(called.children.map(({ name, text }) => [name, text])) };
}

export function formatAnswer(
  { service, action }: Pick<SoapAction, 'service' | 'action'>,
  values: Readonly<Record<string, string>>,
): string {
  const inside = Object.entries(values).map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`);
  return envelopeOf(`<u:${action}Response xmlns:u="${service}">${inside.join('')}</u:${action}Response>`);
}

/** Goes with status 500. */
export function formatFault({ code, message }: UpnpError): string {
  const detail = `<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${code}</errorCode><errorDescription>${escapeXml(message)}</errorDescription></UPnPError>`;
  return envelopeOf(
    `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>${detail}</detail></s:Fault>`,
  );
}

function envelopeOf(body: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>${body}</s:Body></s:Envelope>\n`;
}
