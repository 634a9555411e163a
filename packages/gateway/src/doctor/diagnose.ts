/**
 * From facts to causes. The judges are asked from the ground up: what one of them accounts for is not told again by
 * those that come later, and what no one accounts for is told as it was seen.
 */
import type { Desired } from '../desired.ts';
import type { Gateway } from '../derive/gateway.ts';
import type { CauseOf } from '../want/list.ts';
import { judgeLinks, judgeRest, judgeRouting } from './drift.ts';
import { judgeBeyond, judgeExit } from './exit.ts';
import type { GatewayFacts, OtherFirewall } from './facts.ts';
import { judgeFiles } from './files.ts';
import { byHand, Diagnosis, type Finding, type Sign, signKey } from './finding.ts';
import { judgeGround, judgeTables } from './ground.ts';
import { judgeNeighbourhood } from './neighbourhood.ts';
import { judgeRules } from './rules.ts';
import { judgeBans, judgeClock, judgeDaemons } from './services.ts';
import { signsOf } from './signs.ts';
import { judgeTunnels } from './tunnels.ts';

/** What is wrong with a gateway and why, the worst first; nothing on a healthy host. */
export function diagnose(gateway: Gateway, desired: Desired, causeOf: CauseOf, facts: GatewayFacts): Finding[] {
  const diagnosis = new Diagnosis();
  judgeGround(gateway, facts, diagnosis);
  judgeExit(gateway, facts, causeOf, diagnosis);
  judgeLinks(gateway, facts, diagnosis);
  judgeTables(gateway, facts, diagnosis);
  judgeRouting(facts, diagnosis);
  judgeRules(gateway, desired, facts, diagnosis);
  judgeNeighbourhood(gateway, facts, causeOf, diagnosis);
  judgeFiles(desired, facts, diagnosis);
  judgeDaemons(desired, facts, diagnosis);
  judgeBeyond(gateway, facts, causeOf, diagnosis);
  judgeClock(gateway, facts, causeOf, diagnosis);
  judgeBans(gateway, facts, diagnosis);
  judgeTunnels(gateway, facts, causeOf, diagnosis);
  judgeRest(facts, diagnosis);
  judgeAbsence(facts, diagnosis);
  for (const sign of signsOf(gateway, facts)) judgeSign(gateway, facts, causeOf, sign, diagnosis);
  return diagnosis.findings;
}

/** The doctor's own client could not be there: what clients get was not seen. */
function judgeAbsence({ clients }: GatewayFacts, diagnosis: Diagnosis): void {
  for (const { domain, complaint } of clients) {
    if (complaint === null) continue;
    diagnosis.add({
      code: 'no-client',
      subject: domain,
      severity: 'warning',
      fails: 'what clients get could not be tried',
      whom: `clients of "${domain}"`,
      cause: complaint,
      ...byHand('run the doctor as root, on the gateway itself'),
    });
  }
}

/** What leases and advertisements carry, which is what stood in the file when dnsmasq began. */
const TOLD_BY_DNSMASQ = /^(?:option-|rdnss|advertised-mtu|default-router|slaac|pool)/;

/** What nobody accounted for, with the best guess there is. */
function judgeSign(gateway: Gateway, facts: GatewayFacts, causeOf: CauseOf, sign: Sign, diagnosis: Diagnosis): void {
  if (diagnosis.explains(signKey(sign))) return;
  const finding = {
    subject: `${sign.what} ${sign.domain}`,
    severity: 'error',
    fails: sign.fails,
    whom: `clients of "${sign.domain}"`,
  } as const;
  if (sign.what.startsWith('wide')) {
    const widest = facts.clients.flatMap(({ beyond }) => beyond.flatMap(({ widest: most }) => most ?? []));
    const cause = `${sign.seen}: the way behind "${gateway.exit}" is narrower than the interface says`;
    const place = causeOf('exit', 'mtu');
    const mend = byHand(`write what passes: \`exit.mtu: ${Math.min(...widest)}\``, 'kith gateway apply', place);
    diagnosis.add({ ...finding, code: 'mtu', cause, ...mend });
    return;
  }
  const suspects = suspectsOf(sign, facts.otherFirewalls);
  if (suspects.length > 0) {
    const names = suspects.map(({ table, chain }) => `chain "${chain}" of table "${table}"`).join(', ');
    const cause = `${sign.seen}; kith's own rules let it through, while ${names} drops packets`;
    const mend = byHand('let it through there too', `nft list table ${suspects[0]?.table ?? ''}`);
    diagnosis.add({ ...finding, code: 'other-firewall', cause, ...mend });
    return;
  }
  if (TOLD_BY_DNSMASQ.test(sign.what)) {
    diagnosis.add(
      {
        ...finding,
        code: 'daemon-stale',
        cause: `${sign.seen}: dnsmasq has read another file than the one that lies there`,
        mend: { text: 'start it again', command: 'kith gateway doctor --fix', place: causeOf('dns') },
        fix: { type: 'restart', daemon: 'dnsmasq' },
      },
      ['daemon-stale *'],
    );
    return;
  }
  diagnosis.add({
    ...finding,
    code: 'unexplained',
    cause: `${sign.seen}; rules, routes and daemons are as the file wants them`,
    ...byHand('look at what the daemons say', 'kith gateway status'),
  });
}

/** Who else may have dropped it: on the way through, or on the way in. */
function suspectsOf(sign: Sign, others: readonly OtherFirewall[]): OtherFirewall[] {
  const isThrough = sign.what.startsWith('beyond');
  return others.filter(
    ({ drops, hook }) =>
      drops &&
      (hook === 'prerouting' || hook === (isThrough ? 'forward' : 'input') || (isThrough && hook === 'postrouting')),
  );
}
