/** What everything else stands on: the kernel, programs, the keeper, disks, the tables of the kernel. */
import { programsToInstall } from '../objections.ts';
import type { Gateway } from '../derive/gateway.ts';
import type { DiskFacts, Fill, GatewayFacts } from './facts.ts';
import { byHand, type Diagnosis } from './finding.ts';

/** Below this nobody can write a lease, a journal or a log (bytes, files). */
const LEAST_FREE = 4 << 20;
const LEAST_FILES = 64;
/** From which part on a table counts as full, and as about to be. */
const FULL = 0.95;
const NEARLY = 0.8;

export function judgeGround(gateway: Gateway, facts: GatewayFacts, diagnosis: Diagnosis): void {
  judgeKernel(gateway, facts, diagnosis);
  if (facts.daemons === null) judgeKeeper(diagnosis);
  for (const disk of facts.disks) judgeDisk(disk, diagnosis);
}

function judgeKernel({ domains }: Gateway, { machine }: GatewayFacts, diagnosis: Diagnosis): void {
  if (!machine.hasBatman && domains.some(({ meshed }) => meshed)) {
    const isCloud = machine.kernel.includes('cloud');
    const flavour = isCloud ? ', as kernels for clouds are made without it' : '';
    const mend = isCloud
      ? byHand('install the full kernel, and start it', 'sudo apt-get install -y linux-image-amd64')
      : byHand('install a kernel that has the module, or build it with DKMS');
    diagnosis.add(
      {
        code: 'kernel-without-batman',
        subject: machine.kernel,
        severity: 'error',
        fails: 'no router gets into the mesh',
        whom: 'routers',
        cause: `the kernel ${machine.kernel} has no batman-adv${flavour}`,
        ...mend,
      },
      [
        'module batman-adv',
        'link bat-*',
        'link dum-*',
        'link fd-*',
        'link vx-*',
        'batman *',
        'forwarding *',
        'daemon-down fastd*',
      ],
    );
  }
  if (machine.missing.length === 0) return;
  diagnosis.add(
    {
      code: 'program-missing',
      subject: machine.missing.join(' '),
      severity: 'error',
      fails: 'the gateway cannot be made or kept as the file wants it',
      whom: 'everybody',
      cause: `${machine.missing.join(', ')} cannot be found on this host`,
      ...byHand('install them', programsToInstall(machine.missing)),
    },
    machine.missing.map((program) => `daemon-down ${program}*`),
  );
}

function judgeKeeper(diagnosis: Diagnosis): void {
  diagnosis.add(
    {
      code: 'keeper-down',
      subject: 'keeper',
      severity: 'error',
      fails: 'daemons that end are not started again, bans and figures stand still, the map is not filled',
      whom: 'everybody',
      cause: 'the process that keeps the gateway (`kith gateway run`) does not run',
      ...byHand('start it; where systemd is, let it do so', 'kith gateway apply'),
    },
    ['daemon *', 'sign respondd-*', ...SERVICE_SIGNS.map((sign) => `sign ${sign}`)],
  );
}

/** What the daemons do for clients. */
const SERVICE_SIGNS = [
  'lease*',
  'option-*',
  'pool*',
  'advertise*',
  'slaac*',
  'rdnss*',
  'default-router*',
  'dns-*',
  'ntp*',
];

function judgeDisk({ path, free, size, freeFiles }: DiskFacts, diagnosis: Diagnosis): void {
  const isFull = free < Math.min(LEAST_FREE, size / 20);
  const hasFiles = freeFiles === null || freeFiles >= LEAST_FILES;
  if (!isFull && hasFiles) return;
  const cause = isFull
    ? `the file system of ${path} is full: ${Math.floor(free / 1024)} kB of ${Math.ceil(size / 1024)} kB are left`
    : `the file system of ${path} has no room for more files`;
  diagnosis.add(
    {
      code: 'disk-full',
      subject: path,
      severity: 'error',
      fails: 'leases, bans and figures are not kept, and nothing can be applied',
      whom: 'everybody',
      cause,
      ...byHand('make room', `du -xh --max-depth=2 ${path} / | sort -h | tail -20`),
    },
    ['daemon-down *', 'disk-full *', `file ${path}*`],
  );
}

/** Tables that overflow hit everybody at random, so they come before what could be blamed instead. */
export function judgeTables(gateway: Gateway, { machine, drift }: GatewayFacts, diagnosis: Diagnosis): void {
  const sysctl = 'sysctl net/netfilter/nf_conntrack_max' as const;
  const change = drift.find(({ key }) => key === sysctl);
  if (machine.conntrack !== null && filled(machine.conntrack) >= NEARLY) {
    const { count, most } = machine.conntrack;
    const isFull = filled(machine.conntrack) >= FULL;
    const isLow = most < gateway.conntrack;
    diagnosis.add(
      {
        code: 'conntrack-full',
        subject: 'conntrack',
        severity: isFull ? 'error' : 'warning',
        fails: isFull ? 'new connections fail at random' : 'new connections will soon fail at random',
        whom: 'clients',
        cause: `${count} of ${most} entries in the kernel's table of connections are taken${isLow ? `, where the file asks for ${gateway.conntrack}` : ''}`,
        mend: {
          text: isLow ? 'apply the file again' : 'look who holds them; more memory lets kith choose a larger table',
          command: isLow ? 'kith gateway apply' : `sysctl -w net.netfilter.nf_conntrack_max=${most * 2}`,
          place: change?.cause ?? null,
        },
        fix: isLow ? { type: 'apply', items: [sysctl] } : null,
      },
      [
        sysctl,
        ...(isFull
          ? ['sign dns-*', 'sign ntp*', 'sign beyond*', 'sign wide*', 'sign respondd-*', 'upstream-dead *']
          : []),
      ],
    );
  }
  for (const [family, fill] of [
    [4, machine.neighbours4],
    [6, machine.neighbours6],
  ] as const) {
    if (fill === null || filled(fill) < NEARLY) continue;
    const isFull = filled(fill) >= FULL;
    diagnosis.add(
      {
        code: 'neighbours-full',
        subject: `IPv${family}`,
        severity: isFull ? 'error' : 'warning',
        fails: isFull ? 'clients that come anew get no packets' : 'clients that come anew will soon get no packets',
        whom: 'clients',
        cause: `${fill.count} of ${fill.most} entries in the kernel's table of neighbours over IPv${family} are taken`,
        ...byHand(
          'split the domain, or give the gateway larger tables',
          `sysctl -w net.ipv${family}.neigh.default.gc_thresh3=${fill.most * 2}`,
        ),
      },
      isFull ? [`sign ping${family}*`, `sign beyond${family}*`] : [],
    );
  }
}

function filled({ count, most }: Fill): number {
  return count / most;
}
