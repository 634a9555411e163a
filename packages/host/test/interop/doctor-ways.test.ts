/** Faults of rules, interfaces and routes. Needs root. */
import assert from 'node:assert/strict';
import { diagnosing, nft, takeOut } from '../doctor/faults.ts';
import { BRIDGE, sh } from '../doctor/stage.ts';

diagnosing([
  {
    name: 'the rule for leases is taken out',
    inject: takeOut('clients', 'dhcp'),
    finding: 'rule-missing clients/dhcp',
    cause: /rule "dhcp" of chain "clients".*taken out/,
  },
  {
    name: 'the rule for answers of respondd is taken out',
    inject: takeOut('clients', 'respondd-answers'),
    finding: 'rule-missing clients/respondd-answers',
    cause: /rule "respondd-answers"/,
  },
  {
    name: 'DNS over TCP is closed',
    inject: takeOut('clients', 'dns-tcp'),
    finding: 'rule-missing clients/dns-tcp',
    cause: /rule "dns-tcp"/,
  },
  {
    name: 'NAT is gone',
    inject: takeOut('translate', 'nat4-main'),
    finding: 'rule-missing translate/nat4-main',
    cause: /rule "nat4-main" of chain "translate"/,
  },
  {
    name: 'ports of the gateway are open to the world',
    inject: takeOut('input', 'outside-udp'),
    finding: 'rule-missing input/outside-udp',
    cause: /rule "outside-udp"/,
  },
  {
    name: 'segments are cut to a wrong size under the old comment',
    inject: () => {
      const listing = sh('gateway', 'nft -a list chain inet kith segments');
      const [, handle = ''] = /comment "mss4-out-main: .*# handle (\d+)/.exec(listing) ?? assert.fail(listing);
      const rule = `iifname "${BRIDGE}" meta nfproto ipv4 tcp flags & (syn|rst) == syn tcp option maxseg size > 1400 counter tcp option maxseg size set 1400 comment "mss4-out-main: gateway.exit"`;
      sh('gateway', `nft 'replace rule inet kith segments handle ${handle} ${rule}'`);
    },
    finding: 'rule-changed segments/mss4-out-main',
    cause: /rule "mss4-out-main".*changed by hand/,
  },
  {
    name: "somebody's rule stands in the chain",
    inject: nft('insert rule inet kith clients udp dport 123 drop'),
    finding: 'rule-foreign clients/rule',
    cause: /put in by somebody else/,
  },
  {
    name: 'all rules of the host are flushed',
    inject: nft('delete table inet kith'),
    finding: 'table-missing kith',
    cause: /table "inet kith".*flushed/,
  },
  {
    name: 'another firewall on the host drops the time',
    inject: nft('table ip other { chain in { type filter hook input priority 10; udp dport 123 drop; }; }'),
    mend: nft('delete table ip other'),
    finding: 'other-firewall ntp4 main',
    cause: /chain "in" of table "ip other" drops/,
  },
  {
    name: 'the kernel does not forward',
    inject: () => sh('gateway', 'sysctl -qw net.ipv4.ip_forward=0'),
    finding: 'forwarding-off sysctl net/ipv4/ip_forward',
    cause: /net\.ipv4\.ip_forward is 0 instead of 1/,
  },
  {
    name: "the rule that leads to the clients' routes is gone",
    inject: () => sh('gateway', 'ip rule del priority 31000'),
    finding: 'policy-route rule 4 31000',
    cause: /the rule that sends packets from "br-main"/,
  },
  {
    name: "the clients' default route is gone",
    inject: () => sh('gateway', 'ip route del default table 42 dev eth0'),
    finding: 'policy-route route 4 42 default',
    cause: /the clients' route "4 42 default" is gone/,
  },
  {
    name: "the bridge lost the gateway's address",
    inject: () => sh('gateway', `ip addr del 10.70.0.2/16 dev ${BRIDGE}`),
    finding: `address address ${BRIDGE} 10.70.0.2/16`,
    cause: /10\.70\.0\.2\/16.*taken away/,
  },
  {
    name: "the clients' interface fell out of the bridge",
    inject: () => sh('gateway', 'ip link set eth1 nomaster'),
    finding: 'link link eth1',
    cause: /"eth1" is no port of anything instead of "br-main"/,
  },
  {
    name: 'the exit has no carrier',
    inject: () => sh('internet', 'ip link set eth0 down'),
    mend: () => sh('internet', 'ip link set eth0 up'),
    finding: 'exit-down eth0',
    cause: /"eth0" has no carrier/,
  },
  {
    name: 'the way behind the exit is narrower than it says',
    inject: () =>
      sh(
        'internet',
        'nft "table ip narrow { chain in { type filter hook input priority 0; meta length > 1440 drop; }; }"',
      ),
    mend: () => sh('internet', 'nft delete table ip narrow'),
    finding: 'mtu wide4 main',
    cause: /packets of 1492 bytes do not come back from 203\.0\.113\.1, 1440 do/,
  },
]);
