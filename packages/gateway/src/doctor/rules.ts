/** Which rule of the firewall serves whom: what fails without it, and which signs that accounts for. */
import type { Desired, Wanted } from '../desired.ts';
import type { Gateway } from '../derive/gateway.ts';
import { RESPONDD_PORT } from '../respondd/request.ts';
import { TABLE } from '../want/firewall.ts';
import type { GatewayFacts, RuleFacts } from './facts.ts';
import { type Diagnosis, reapply } from './finding.ts';

interface Effect {
  readonly fails: string;
  readonly whom: string;
  /** Signs without the domain. */
  readonly signs: readonly string[];
}

const CLIENTS = 'clients';

/** By the id of the rule up to the first part that names a domain or a service. */
const EFFECTS: Readonly<Record<string, Effect>> = {
  clients: { fails: 'clients reach what only the host should be asked', whom: 'the host', signs: [] },
  answers: { fails: 'answers are turned away', whom: CLIENTS, signs: ['beyond*', 'dns-*', 'wide*'] },
  ping: { fails: 'echoes are denied, and neighbours are not found over IPv6', whom: CLIENTS, signs: ['*'] },
  dhcp: { fails: 'requests for addresses are denied', whom: CLIENTS, signs: ['lease'] },
  'dns-udp': { fails: 'DNS over UDP is denied', whom: 'clients and routers', signs: ['dns-udp*'] },
  'dns-tcp': {
    fails: 'DNS over TCP is denied, and with it every long answer',
    whom: 'clients and routers',
    signs: ['dns-tcp*', 'dns-world*'],
  },
  ntp: { fails: 'NTP is denied', whom: 'clients and routers', signs: ['ntp*'] },
  respondd: {
    fails: 'questions of respondd are denied: other maps do not show this gateway',
    whom: 'maps',
    signs: ['respondd-asked'],
  },
  'respondd-answers': {
    fails: `answers of routers from port ${RESPONDD_PORT} are denied: the map stays empty`,
    whom: 'the map',
    signs: ['respondd-answered'],
  },
  service: { fails: 'a service of the gateway is denied', whom: CLIENTS, signs: [] },
  chatter: { fails: 'what clients shout is answered with refusals', whom: CLIENTS, signs: [] },
  denied: { fails: 'clients reach every service of the host', whom: 'the host', signs: [] },
  spoofed4: { fails: 'clients may speak in the name of any IPv4 address', whom: 'everybody', signs: [] },
  spoofed6: { fails: 'clients may speak in the name of any IPv6 address', whom: 'everybody', signs: [] },
  foreign4: { fails: 'strangers outside may speak in the name of clients, over IPv4', whom: CLIENTS, signs: [] },
  foreign6: { fails: 'strangers outside may speak in the name of clients, over IPv6', whom: CLIENTS, signs: [] },
  'outside-udp': {
    fails: 'DNS, DHCP and respondd are open to the world, which makes the gateway an amplifier',
    whom: 'everybody',
    signs: [],
  },
  'outside-tcp': { fails: 'DNS over TCP is open to the world', whom: 'everybody', signs: [] },
  fastd: { fails: 'routers are not let in to fastd where the host drops by itself', whom: 'routers', signs: [] },
  wireguard: {
    fails: 'routers are not let in to WireGuard where the host drops by itself',
    whom: 'routers',
    signs: [],
  },
  mss4: {
    fails: 'large pages hang over IPv4: TCP segments are not cut to what passes',
    whom: CLIENTS,
    signs: ['wide4'],
  },
  mss6: {
    fails: 'large pages hang over IPv6: TCP segments are not cut to what passes',
    whom: CLIENTS,
    signs: ['wide6'],
  },
  outward: {
    fails: "clients leave unchecked: by every interface, into the operator's own network",
    whom: 'the operator',
    signs: [],
  },
  offered: { fails: 'members of the mesh may leave unchecked', whom: 'the operator', signs: [] },
  'inward-members': { fails: 'strangers reach members of the mesh unasked', whom: 'members of the mesh', signs: [] },
  members: { fails: "members of the mesh reach the operator's own network", whom: 'the operator', signs: [] },
  inward: { fails: 'strangers reach clients unasked', whom: CLIENTS, signs: [] },
  within: { fails: 'clients of one domain do not reach one another through the gateway', whom: CLIENTS, signs: [] },
  leak: { fails: 'clients leave by interfaces that are not the exit', whom: 'the operator', signs: [] },
  invalid: { fails: "packets may leave with a client's own address", whom: 'everybody', signs: [] },
  reach4: { fails: 'what the file lets clients reach behind the exit is denied', whom: CLIENTS, signs: ['beyond4'] },
  reach6: { fails: 'what the file lets clients reach behind the exit is denied', whom: CLIENTS, signs: ['beyond6'] },
  own4: { fails: "clients reach the operator's own network over IPv4", whom: 'the operator', signs: [] },
  own6: { fails: "clients reach the operator's own network over IPv6", whom: 'the operator', signs: [] },
  blocked: { fails: 'ports that the file blocks are open to clients', whom: 'everybody', signs: [] },
  exit: { fails: "clients' packets are not counted on their way out", whom: 'the figures', signs: [] },
  unasked: { fails: 'strangers reach clients unasked', whom: CLIENTS, signs: [] },
  nat4: {
    fails: 'nothing comes back over IPv4: packets leave untranslated',
    whom: CLIENTS,
    signs: ['beyond4', 'wide4'],
  },
  nat6: {
    fails: 'nothing comes back over IPv6: packets leave untranslated',
    whom: CLIENTS,
    signs: ['beyond6', 'wide6'],
  },
  'nat-offered': { fails: 'nothing comes back to members of the mesh', whom: 'members of the mesh', signs: [] },
  untranslated4: { fails: "packets may leave with a client's own IPv4 address", whom: 'everybody', signs: [] },
  untranslated6: { fails: "packets may leave with a client's own IPv6 address", whom: 'everybody', signs: [] },
  allowed4: { fails: 'the allow-list of the bans does not count', whom: 'the operator', signs: [] },
  allowed6: { fails: 'the allow-list of the bans does not count', whom: 'the operator', signs: [] },
  banned4: { fails: 'bans have no effect over IPv4', whom: 'the host', signs: [] },
  banned6: { fails: 'bans have no effect over IPv6', whom: 'the host', signs: [] },
};

/** A stranger's rule may do anything; so may a chain whose hook or policy somebody changed. */
const ANYTHING: Effect = {
  fails: 'packets may be turned away that the file lets through, or the reverse',
  whom: CLIENTS,
  signs: ['*'],
};

const STATES = {
  missing: 'was taken out',
  changed: 'was changed by hand',
  foreign: 'was put in by somebody else',
} as const;

/** Tables that are gone, and rules that differ. */
export function judgeRules(gateway: Gateway, desired: Desired, facts: GatewayFacts, diagnosis: Diagnosis): void {
  for (const { name, isThere, rules } of facts.tables) {
    const wanted = desired.wanted.find(({ item }) => item.kind === 'table' && item.name === name);
    if (wanted === undefined) continue;
    if (!isThere) judgeMissingTable(name, wanted, diagnosis);
    for (const rule of rules) if (rule.state !== 'as-wanted') judgeRule(gateway, name, wanted, rule, diagnosis);
  }
}

function judgeMissingTable(name: string, wanted: Wanted, diagnosis: Diagnosis): void {
  const isFirewall = name === TABLE;
  const fails = isFirewall
    ? 'nothing comes back to clients as they are not translated, and nothing is kept from them'
    : 'bans have no effect';
  diagnosis.add(
    {
      code: 'table-missing',
      subject: name,
      severity: 'error',
      fails,
      whom: isFirewall ? 'everybody' : 'the host',
      cause: `the table "inet ${name}" of nftables is gone: something flushed the rules of this host (a firewall's reload, "nft flush ruleset")`,
      ...reapply(`table ${name}`, wanted.cause),
    },
    [`table ${name}`, ...(isFirewall ? ['sign beyond*', 'sign wide*'] : [])],
  );
}

function judgeRule({ domains }: Gateway, table: string, wanted: Wanted, rule: RuleFacts, diagnosis: Diagnosis): void {
  if (rule.state === 'as-wanted') return;
  const isStranger = rule.state === 'foreign' || rule.id === 'hook';
  const effect = isStranger ? ANYTHING : effectOf(rule.id);
  const domain = domains.find(({ domain: { code } }) => rule.id.endsWith(`-${code}`))?.domain.code;
  const what = rule.id === 'hook' ? `the head of chain "${rule.chain}"` : `rule "${rule.id}" of chain "${rule.chain}"`;
  diagnosis.add(
    {
      code: `rule-${rule.state}`,
      subject: `${rule.chain}/${rule.id}`,
      severity: effect.signs.length > 0 || rule.id.startsWith('outside') ? 'error' : 'warning',
      fails: effect.fails,
      whom: domain === undefined ? effect.whom : `${effect.whom} of "${domain}"`,
      cause: `${what} in table "inet ${table}" ${STATES[rule.state]}`,
      ...reapply(`table ${table}`, wanted.cause),
    },
    [`table ${table}`, ...effect.signs.map((sign) => `sign ${sign.endsWith('*') ? sign : `${sign} ${domain ?? '*'}`}`)],
  );
}

/** `mss4-out-dublin` is about `mss4`, `service-wiki` about `service`. */
function effectOf(id: string): Effect {
  const parts = id.split('-');
  for (let n = parts.length; n > 0; n--) {
    const effect = EFFECTS[parts.slice(0, n).join('-')];
    if (effect !== undefined) return effect;
  }
  return ANYTHING;
}
