import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import { readNetworkFile } from '../../state/network-file.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';
import { commandIn, quote } from '../unit-file.ts';

export function service(context: Context): Result {
  const folder = findFolder(context);
  const { label } = readNetworkFile(fileIn(folder, 'network'));
  const command = commandIn(['--state', folder, 'up', '--foreground']);
  const name = `kith-${label}.service`;
  const user = process.geteuid?.() ?? 0;
  const text = `# ${name}: kith service > /etc/systemd/system/${name}, then systemctl enable --now ${name}
[Unit]
Description=kith network ${label}
After=network.target nss-lookup.target
StartLimitIntervalSec=0

[Service]
Type=exec
${user === 0 ? '' : `User=${user}\n`}ExecStart=${command}
Restart=on-failure
RestartSec=2
# It opens /dev/net/tun and programs its own interface, and needs nothing else of root.
AmbientCapabilities=CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${quote(folder)}
${folder.startsWith('/home/') || folder.startsWith('/root/') ? 'ProtectHome=read-only' : 'ProtectHome=yes'}
PrivateTmp=yes
DeviceAllow=/dev/net/tun rw
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
LockPersonality=yes
ProtectKernelModules=yes
ProtectControlGroups=yes

[Install]
WantedBy=multi-user.target`;
  return { json: { name, unit: `${text}\n` }, text };
}
