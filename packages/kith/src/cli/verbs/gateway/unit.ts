/** `kith gateway unit`: the keeper as a service of systemd. */
import { gatewayFolders } from '../../../gateway/folders.ts';
import type { Result } from '../../output.ts';
import { commandIn, quote } from '../../unit-file.ts';

const NAME = 'kith-gateway.service';

export function unit(): Result {
  const folders = gatewayFolders();
  const environment = [
    ['KITH_GATEWAY_STATE', folders.state],
    ['KITH_GATEWAY_RUN', folders.run],
  ].flatMap(([key = '', value = '']) => (process.env[key] ? [`Environment=${quote(`${key}=${value}`)}\n`] : []));
  const text = `# ${NAME}: kith gateway unit > /etc/systemd/system/${NAME}, then systemctl enable --now ${NAME}
[Unit]
Description=kith gateway of a community
Wants=network-online.target
After=network-online.target nftables.service
StartLimitIntervalSec=0

[Service]
Type=exec
${environment.join('')}ExecStart=${commandIn(['gateway', 'run'])}
Restart=on-failure
RestartSec=2
# The daemons go on while their keeper is restarted, and it takes them over again.
KillMode=process
# It makes links, rules and files, and starts daemons that give up their rights by themselves.
ProtectHome=read-only
PrivateTmp=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target`;
  return { json: { name: NAME, unit: `${text}\n` }, text };
}
