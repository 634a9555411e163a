/**
 * The section `gateway` of kith.yaml, key by key. Whatever can be derived may be left out. The same schema checks the
 * file, types its content and is published as JSON Schema for editors.
 */
import {
  type Address,
  isIPv4,
  KithError,
  parseAddress,
  parseLabel,
  parsePrefix,
  type Prefix,
  prefixParts,
} from '@kith/core';
import * as z from 'zod';
import type { Written } from './written.ts';

/** A text that `parse` understands; its complaint becomes the complaint about the value. */
function text<T extends string>(description: string, parse: (text: string) => T): z.ZodType<T, string> {
  return z
    .string()
    .max(300)
    .transform((value, context): T => {
      try {
        return parse(value);
      } catch (error) {
        if (!(error instanceof KithError) && !(error instanceof Refusal)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .meta({ description });
}

/** Why a value is not allowed; completes `… is not allowed: `. */
class Refusal extends Error {}

function matching(description: string, pattern: RegExp, rule: string): z.ZodType<string, string> {
  return z.string().regex(pattern, { error: rule }).meta({ description });
}

function integer(least: number, most: number, description: string): z.ZodType<number, number> {
  const error = `it must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error }).meta({ description });
}

function prefix4(value: string): Prefix {
  const prefix = parsePrefix(value);
  const { address, length } = prefixParts(prefix);
  if (!isIPv4(address)) throw new Refusal('it must be an IPv4 prefix like 10.70.0.0/16');
  if (length < 8 || length > 26)
    throw new Refusal('its length must be 8 to 26, there is no room for clients otherwise');
  return prefix;
}

function prefix6(value: string): Prefix {
  const prefix = parsePrefix(value);
  const { address, length } = prefixParts(prefix);
  if (isIPv4(address)) throw new Refusal('it must be an IPv6 prefix like fd70:1:2:3::/64');
  if (length !== 64) throw new Refusal('its length must be 64, clients choose the other half of their addresses');
  return prefix;
}

function addressOf(family: 4 | 6, example: string): (value: string) => Address {
  return (value) => {
    const address = parseAddress(value);
    if (isIPv4(address) !== (family === 4)) throw new Refusal(`it must be an IPv${family} address like ${example}`);
    return address;
  };
}

/** The kernel's limits: 15 characters, no slash, colon or space. */
const interfaceName = matching(
  'Name of a network interface, as `ip link` shows it.',
  /^(?!\.{1,2}$)[a-zA-Z0-9_][a-zA-Z0-9_.@-]{0,14}$/,
  'an interface has a name of 1 to 15 letters, digits, dots, hyphens or underscores',
);

/** Longest name that is made of it: `bat-` and the code. */
const code = matching(
  'Short name, part of interface names.',
  /^[a-z][a-z0-9]{0,9}$/,
  'it must be a lower-case letter, then at most 9 lower-case letters and digits, because interface names are made of it',
);

const label = text('A DNS label.', (value) => parseLabel(value, 'name'));
const host = matching(
  'A host name or an IP address.',
  /^[a-zA-Z0-9]([a-zA-Z0-9.:-]{0,251}[a-zA-Z0-9:])?$/,
  'it must be a host name or an IP address',
);
const address = text('An IPv4 or IPv6 address.', parseAddress);
const prefix = text('An IPv4 or IPv6 prefix.', parsePrefix);
const mac = matching(
  'Hardware address.',
  /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/,
  'it must be a hardware address in lower case like 16:41:95:40:f7:dc, and none of a group',
);
const hex64 = matching('32 bytes, hexadecimal.', /^[0-9a-f]{64}$/, 'it must have 64 lower-case hexadecimal digits');
const wireguardKey = matching(
  'Public key as WireGuard writes it.',
  /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
  'it must be a public key of WireGuard: 44 characters, the last one "="',
);
const seconds = (least: number, most: number, description: string) => integer(least, most, `${description} (s)`);

/** One value may stand where a list is expected. */
function oneOrMore<T>(one: z.ZodType<T, string>, most: number): z.ZodType<T | T[], string | string[]> {
  return z.union([one, z.array(one).min(1).max(most)]);
}

const community = z.union([
  z.string().min(1).max(64),
  z.strictObject({
    name: z.string().min(1).max(64).meta({ description: 'As people call it.' }),
    code: code.optional(),
    contact: z.string().min(1).max(128).optional().meta({ description: 'Shown on maps: how to reach the operators.' }),
    location: z
      .strictObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) })
      .optional(),
    country: matching(
      'Two letters of ISO 3166, for the radio.',
      /^[A-Z]{2}$/,
      'it must be two capital letters like IE',
    ).optional(),
    timezone: z
      .string()
      .min(3)
      .max(64)
      .optional()
      .meta({ description: 'As OpenWrt writes it: GMT0IST,M3.5.0/1,M10.5.0.' }),
  }),
]);

const exit = z.union([
  interfaceName,
  z.strictObject({
    interface: interfaceName.optional(),
    via: z
      .array(address)
      .min(1)
      .max(2)
      .optional()
      .meta({ description: 'Next hops, where clients take another way than the host.' }),
    members: z
      .array(label)
      .min(1)
      .max(8)
      .optional()
      .meta({ description: 'Members of the mesh, the first that answers is taken.' }),
    offer: z.boolean().optional().meta({ description: 'Whether members of the mesh may leave through this exit too.' }),
    nat: z.boolean().optional().meta({ description: 'Whether IPv4 is translated; default true.' }),
    nat6: z
      .boolean()
      .optional()
      .meta({ description: 'Whether IPv6 is translated; by default if the prefix is unique local.' }),
    mtu: integer(1280, 9000, 'Largest packet that the exit takes; default: as its interface.').optional(),
    block: z
      .array(integer(1, 65535, 'A TCP port.'))
      .max(64)
      .optional()
      .meta({ description: 'TCP ports that clients do not reach; default 25.' }),
    reach: z
      .array(prefix)
      .max(64)
      .optional()
      .meta({ description: 'Private prefixes behind the exit that clients may reach.' }),
  }),
]);

const nextNode = z.strictObject({
  name: label.optional(),
  ip4: text('Address of every router, IPv4.', addressOf(4, '10.70.0.1')).optional(),
  ip6: text('Address of every router, IPv6.', addressOf(6, 'fd70::1')).optional(),
  mac: mac.optional(),
});

const domain = z.strictObject({
  title: z.string().min(1).max(64).optional().meta({ description: 'As people call it.' }),
  interfaces: oneOrMore(interfaceName, 16)
    .optional()
    .meta({ description: 'Interfaces of clients, put into the bridge.' }),
  prefix4: text('IPv4 of the domain.', prefix4).optional(),
  prefix6: text('IPv6 of the domain, a /64.', prefix6).optional(),
  next_node: nextNode.optional(),
  lease: seconds(120, 86_400, 'Lease time of DHCP').optional(),
  mesh: z
    .strictObject({
      algorithm: z.enum(['BATMAN_IV', 'BATMAN_V']).optional(),
      interval: integer(1000, 60_000, 'Between originator messages (ms).').optional(),
      hop_penalty: integer(0, 255, 'Of 255.').optional(),
    })
    .optional(),
});

const fastd = z.strictObject({
  port: integer(1, 65535, 'UDP port of the first domain, the next one has the next.').optional(),
  methods: z
    .array(z.enum(['salsa2012+umac', 'null+salsa2012+umac', 'null@l2tp', 'null']))
    .min(1)
    .max(4)
    .optional(),
  mtu: integer(1280, 1500, 'Payload of a packet; default 1312.').optional(),
  accept: z.enum(['all', 'known']).optional().meta({ description: 'Which routers may connect; default all.' }),
  peers: z
    .string()
    .regex(/^\/[^"\\\n]{1,200}$/, { error: 'it must be an absolute path' })
    .optional()
    .meta({ description: 'Folder with a file for each known router.' }),
  limit: integer(1, 10_000, 'Most routers at once; default 200.').optional(),
});

const wireguard = z.strictObject({
  port: integer(1, 65535, 'UDP port of the first domain, the next one has the next.').optional(),
  mtu: integer(1280, 1500, 'Of the tunnel; default 1376.').optional(),
  peers: z.array(wireguardKey).max(1000).optional().meta({ description: 'Public keys of known routers.' }),
});

const registration = z
  .strictObject({
    port: integer(1, 65535, 'TCP port that routers send their keys to; default 8655.').optional(),
    approve: z.enum(['hand', 'all']).optional().meta({ description: 'Who is let in without a look; default hand.' }),
    limit: integer(1, 10_000, 'Most routers that are let in; default 500.').optional(),
  })
  .meta({ description: 'Where routers send their keys to be let in.' });

const vpn = z.union([
  z.enum(['fastd', 'wireguard']),
  z.strictObject({
    fastd: fastd.optional(),
    wireguard: wireguard.optional(),
    registration: registration.optional(),
  }),
]);

const gatewayEntry = z.strictObject({
  slot: integer(0, 63, 'Which piece of the pools is its own; default: its place in the list.').optional(),
  endpoints: oneOrMore(host, 4).optional().meta({ description: 'Where routers reach it.' }),
  fastd: hex64.optional().meta({ description: 'Public key of its fastd.' }),
  wireguard: wireguardKey.optional(),
});

const radio = z.strictObject({
  ssid: z.string().min(1).max(32).optional(),
  channel24: integer(1, 14, 'Channel at 2.4 GHz.').optional(),
  channel5: integer(36, 177, 'Channel at 5 GHz.').optional(),
});

const firmware = z.strictObject({
  radio: radio.optional(),
  branch: z.string().min(1).max(32).optional(),
  mirrors: z
    .array(z.string().regex(/^https?:\/\/[^'"\s]{1,200}$/, { error: 'it must be a URL of http' }))
    .max(8)
    .optional(),
  keys: z.array(hex64).max(32).optional().meta({ description: 'Public keys of those who sign.' }),
  signatures: integer(1, 32, 'How many of them must have signed.').optional(),
  release: z
    .string()
    .regex(/^[\w.+~-]{1,64}$/, { error: 'it must be letters, digits, dots, +, ~ and hyphens' })
    .optional(),
});

const gateway = z.strictObject({
  community,
  clients: oneOrMore(interfaceName, 16)
    .optional()
    .meta({ description: 'Interfaces of clients, where there is one domain.' }),
  exit,
  domains: z
    .record(code, domain.nullable())
    .optional()
    .meta({ description: 'Networks apart from one another, by code.' }),
  gateways: z
    .record(label, gatewayEntry.nullable())
    .optional()
    .meta({ description: 'All gateways of the community, by host name.' }),
  slots: integer(1, 64, 'Pieces that each pool is cut into; default 4, or as many as there are gateways.').optional(),
  bandwidth: z
    .strictObject({ down: integer(1, 1_000_000, 'Mbit/s.'), up: integer(1, 1_000_000, 'Mbit/s.') })
    .optional()
    .meta({ description: 'What routers are told of this gateway; default 100/100.' }),
  vpn: vpn.optional().meta({ description: 'Tunnels of routers.' }),
  dns: z
    .strictObject({
      zone: label.optional(),
      upstreams: z.array(address).min(1).max(8).optional(),
      records: z.record(label, oneOrMore(address, 2)).optional(),
    })
    .optional(),
  ntp: z.strictObject({ upstreams: z.array(host).min(1).max(8).optional() }).optional(),
  services: z
    .record(label, matching('Protocol and port.', /^(tcp|udp)\/([1-9]\d{0,4})$/, 'write it like tcp/80'))
    .optional()
    .meta({ description: 'What else of this machine clients may reach.' }),
  bans: z
    .union([
      z.literal(false),
      z.strictObject({
        attempts: integer(1, 1000, 'Failed logins until a ban.').optional(),
        window: seconds(10, 86_400, 'They count for so long').optional(),
        time: seconds(60, 31_536_000, 'Length of a ban').optional(),
        allow: z.array(prefix).max(256).optional().meta({ description: 'Never banned.' }),
      }),
    ])
    .optional(),
  statistics: z.union([z.boolean(), z.strictObject({ port: integer(1, 65535, 'Of /metrics.').optional() })]).optional(),
  map: z
    .union([
      z.boolean(),
      z.strictObject({ interval: seconds(10, 3600, 'Between two questions to routers').optional() }),
    ])
    .optional(),
  gluon: firmware.optional().meta({ description: 'What only firmware of routers needs to know.' }),
});

const file = z.strictObject({ gateway });

/** Checks what YAML made of the text. Issues carry the path of the value they are about. */
export function checkFile(
  value: unknown,
):
  | { readonly ok: true; readonly written: Written }
  | { readonly ok: false; readonly issues: readonly z.core.$ZodIssue[] } {
  const result = file.safeParse(value);
  return result.success ? { ok: true, written: result.data.gateway } : { ok: false, issues: result.error.issues };
}

/** The keys that a mapping at this place of the file may have. */
export function keysAt(path: readonly (string | number)[]): string[] {
  let schemas: readonly unknown[] = [file];
  for (const step of path) schemas = schemas.flatMap(unwrapped).flatMap((schema) => below(schema, String(step)));
  const objects = schemas.flatMap(unwrapped).filter((schema) => schema instanceof z.ZodObject);
  return objects.flatMap((schema) => Object.keys(schema.shape));
}

/** The schemas that a value may be held to, without what wraps them. */
function unwrapped(schema: unknown): unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return unwrapped(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrapped);
  return [schema];
}

function below(schema: unknown, step: string): unknown[] {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, step) ? [schema.shape[step]] : [];
  return schema instanceof z.ZodRecord ? [schema.valueType] : [];
}

/** JSON Schema (2020-12) of the file, for editors. */
export function jsonSchema(): Record<string, unknown> {
  return { title: 'kith.yaml', ...z.toJSONSchema(file, { io: 'input' }) };
}
