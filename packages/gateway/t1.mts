import { readGatewayFile, gatewayOn, desiredOn, planFor, UNTOUCHED } from '@kith/gateway';
const t =
  process.argv[2] === 'small'
    ? `gateway:
  community: Freemesh Ireland
  clients: eth1
  exit: eth0
`
    : `gateway:
  community: { name: Freemesh Ireland, code: fmie }
  exit: { members: [externalnyc], reach: [192.168.7.0/24, fd11::/64], offer: true }
  domains:
    main: { prefix4: 10.70.0.0/16, interfaces: eth1 }
    west:
  vpn: { fastd: {}, wireguard: { peers: [ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=" ] } }
  services: { wiki: tcp/80 }
  bans: { allow: [ 192.0.2.0/24 ] }
`;
const f = readGatewayFile(t, 'kith.yaml');
const g = gatewayOn(
  {
    name: 'tower',
    memoryBytes: 2 ** 30,
    initialNamespace: true,
    mesh: { interface: 'kith-x', mtu: 1280 },
    folders: { state: '/var/lib/kith/gateway', run: '/run/kith/gateway' },
  },
  f.settings,
  { seeds: {}, fastd: null, wireguard: null },
);
const d = desiredOn(g, f.causeOf);
for (const c of planFor(d, UNTOUCHED).changes)
  console.log(c.operation, c.key, JSON.stringify(c.after.value).slice(0, 150), `${c.cause.line} ${c.cause.path}`);
const fs = await import('node:fs');
Object.values(d.rulesets).forEach((r, i) => fs.writeFileSync(`/tmp/rs${i}.nft`, r));
for (const w of d.wanted)
  if (w.item.kind === 'file') fs.writeFileSync('/tmp/gw-' + w.item.name.split('/').pop(), w.item.value.content);
