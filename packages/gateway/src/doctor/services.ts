/** Daemons, the clock, and bans that hit the wrong ones. */
import type { Desired } from '../desired.ts';
import type { Gateway } from '../derive/gateway.ts';
import type { CauseOf } from '../want/list.ts';
import type { DaemonFacts, GatewayFacts } from './facts.ts';
import { byHand, type Diagnosis } from './finding.ts';

/** What chronyd says of itself while it has nothing but its own clock; one more than a server it follows could have. */
const ALONE = 10;
/** How long chronyd compares before it believes a server, and any daemon may take to begin (ms). */
const COMPARING = 30_000;
const STARTING = 10_000;
/** Older words are of an earlier start. */
const RECENT = 4;

const DAEMONS: Readonly<
  Record<string, { readonly fails: string; readonly whom: string; readonly signs: readonly string[] }>
> = {
  dnsmasq: {
    fails: 'no addresses, no advertisements, no names',
    whom: 'clients and routers',
    signs: ['lease*', 'option-*', 'pool*', 'advertise*', 'slaac*', 'rdnss*', 'default-router*', 'dns-*'],
  },
  chronyd: { fails: 'the time is not answered', whom: 'clients and routers', signs: ['ntp*'] },
  fastd: { fails: 'no router gets into the mesh', whom: 'routers', signs: [] },
};

/** What a daemon's last words mean. */
const WORDS: readonly {
  readonly pattern: RegExp;
  readonly means: string;
  readonly text: string;
  readonly command: string | null;
}[] = [
  {
    pattern: /address already in use|failed to (?:create listening socket|bind)/i,
    means: 'another program has its port',
    text: 'stop the other one, and see that it does not come back',
    command: 'ss -lnptu',
  },
  { pattern: /no space left|disk quota/i, means: 'the disk is full', text: 'make room', command: 'df -h' },
  {
    pattern: /permission denied|operation not permitted/i,
    means: 'it may not do what it has to',
    text: 'look at rights and at AppArmor',
    command: 'dmesg | grep -i denied | tail',
  },
  {
    pattern: /cannot allocate memory|out of memory/i,
    means: 'memory is short',
    text: 'look who takes it',
    command: 'free -m',
  },
];

/** Signs that follow when a daemon is away. */
export function signsWithout(daemon: string): string[] {
  return (DAEMONS[kindOf(daemon)]?.signs ?? []).map((sign) => `sign ${sign}`);
}

/** `fastd-dublin` is a fastd. */
function kindOf(daemon: string): string {
  return daemon.replace(/-.*$/, '');
}

export function judgeDaemons(desired: Desired, { daemons, drift }: GatewayFacts, diagnosis: Diagnosis): void {
  if (daemons === null) return;
  for (const { item, cause: place } of desired.wanted) {
    if (item.kind !== 'daemon') continue;
    const daemon = daemons.find(({ name }) => name === item.name);
    if (daemon?.state === 'ready') continue;
    if (daemon?.state === 'starting' && daemon.age < STARTING) {
      diagnosis.account([`daemon ${item.name}`, ...signsWithout(item.name)]);
      continue;
    }
    const kind = DAEMONS[kindOf(item.name)];
    const word = WORDS.find(
      ({ pattern }) =>
        daemon?.state === 'failing' && daemon.lastWords.slice(-RECENT).some((line) => pattern.test(line)),
    );
    const text = 'start it again; `kith gateway status` shows what it said';
    diagnosis.add(
      {
        code: 'daemon-down',
        subject: item.name,
        severity: 'error',
        fails: kind?.fails ?? 'a service is away',
        whom: kind?.whom ?? 'clients',
        cause: `${item.name} ${wordsOf(daemon)}${word === undefined ? '' : `: ${word.means}`}`,
        mend: { text: word?.text ?? text, command: word === undefined ? 'kith gateway apply' : word.command, place },
        fix: word === undefined || daemon === undefined ? fixOf(item.name, daemon) : null,
      },
      [`daemon ${item.name}`, ...signsWithout(item.name)],
    );
  }
  judgeOld(drift, diagnosis);
}

function fixOf(
  name: string,
  daemon: DaemonFacts | undefined,
): { type: 'restart'; daemon: string } | { type: 'apply'; items: [`daemon ${string}`] } {
  return daemon === undefined ? { type: 'apply', items: [`daemon ${name}`] } : { type: 'restart', daemon: name };
}

function wordsOf(daemon: DaemonFacts | undefined): string {
  if (daemon === undefined) return 'was stopped, and nobody starts it again';
  const last = daemon.lastWords.at(-1);
  const said = last === undefined ? '' : `; its last words: "${last.slice(-160)}"`;
  switch (daemon.state) {
    case 'failing':
      return `ends or falls silent each time it is started${said}`;
    case 'starting':
      return `has been started and does not serve yet${said}`;
    case 'ready':
    case 'stopping':
      return 'is being stopped';
  }
}

/** A daemon that runs with another file than the one that lies there. */
function judgeOld(drift: GatewayFacts['drift'], diagnosis: Diagnosis): void {
  for (const change of drift) {
    if (change.after?.kind !== 'daemon' || change.operation !== 'change' || diagnosis.explains(change.key)) continue;
    diagnosis.add(
      {
        code: 'daemon-old',
        subject: change.after.name,
        severity: 'warning',
        fails: 'a daemon does not do what the file says',
        whom: 'clients',
        cause: `${change.after.name} runs with other settings than the file wants`,
        mend: { text: 'apply the file again', command: 'kith gateway apply', place: change.cause },
        fix: { type: 'apply', items: [change.key] },
      },
      [change.key],
    );
  }
}

export function judgeClock(
  { settings, host }: Gateway,
  { clients, daemons }: GatewayFacts,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const { upstreams } = settings.ntp;
  const daemon = daemons?.find(({ name }) => name === 'chronyd');
  if (daemon === undefined || daemon.age < COMPARING) return;
  const answers = clients.flatMap(({ answers: all }) =>
    all.filter(({ service, stratum }) => service === 'ntp' && stratum !== undefined),
  );
  if (upstreams.length === 0 || answers.length === 0 || answers.some(({ stratum = 0 }) => stratum < ALONE)) return;
  diagnosis.add({
    code: 'clock-unsynchronised',
    subject: 'chronyd',
    severity: 'warning',
    fails: 'the time that clients get is what this host believes, and nothing else',
    whom: 'clients and routers',
    cause: `chronyd has not reached ${upstreams.join(', ')}`,
    ...byHand(
      'look whether port 123/udp passes, or write other servers',
      `chronyc -h ${host.folders.run}/chrony/chronyd.sock sources`,
      causeOf('ntp', 'upstreams'),
    ),
  });
}

export function judgeBans({ domains }: Gateway, { banned }: GatewayFacts, diagnosis: Diagnosis): void {
  const [first] = banned;
  if (first === undefined) return;
  const codes = domains.map(({ domain }) => `"${domain.code}"`).join(', ');
  diagnosis.add({
    code: 'client-banned',
    subject: first,
    severity: 'error',
    fails: 'the gateway answers nothing that they ask',
    whom: banned.length === 1 ? `the client ${first}` : `${banned.length} clients, ${first} among them`,
    cause: `${banned.slice(0, 5).join(', ')} of ${codes} ${banned.length === 1 ? 'is' : 'are'} banned for failed logins`,
    ...byHand('lift the ban if it hit the wrong one', `kith bans remove ${first.replace(/\/(?:32|128)$/, '')}`),
  });
}
