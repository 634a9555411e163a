/**
 * Delay without netem, which many kernels lack: the cable is cut, both ends go into TAP devices, and a small program
 * carries every frame from one to the other after the set time. A TAP has no offloads, so the kernel cuts large
 * segments and finishes checksums before the program sees a frame. Good for tens of thousands of frames per second.
 */
import type { Machine } from './machine.ts';
import type { LabProcess } from './process.ts';

/** Arguments: two device names and the delay in ms. Standard input: a new delay per line. Full queues drop. */
const CARRIER = String.raw`
use strict; use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use Fcntl;
sub tap { open(my $f, '+<', '/dev/net/tun') or die "cannot open /dev/net/tun: $!\n";
  my $r = pack('a16 S x22', $_[0], 0x1002); ioctl($f, 0x400454ca, $r) or die "cannot create TAP $_[0]: $!\n";
  fcntl($f, F_SETFL, fcntl($f, F_GETFL, 0) | O_NONBLOCK); return $f; }
my @dev = (tap($ARGV[0]), tap($ARGV[1])); my $delay = $ARGV[2] / 1000; my @queue = ([], []);
$| = 1; print "carrying\n";
my $want = ''; vec($want, fileno($_), 1) = 1 for @dev, \*STDIN;
while (1) {
  my $now = clock_gettime(CLOCK_MONOTONIC); my $wait = 1;
  for my $i (0, 1) {
    my $q = $queue[$i];
    while (@$q && $q->[0][0] <= $now) { syswrite($dev[1 - $i], (shift @$q)->[1]); }
    if (@$q && $q->[0][0] - $now < $wait) { $wait = $q->[0][0] - $now; }
  }
  my $ready = $want; next if select($ready, undef, undef, $wait) < 1;
  $now = clock_gettime(CLOCK_MONOTONIC);
  for my $i (0, 1) {
    next unless vec($ready, fileno($dev[$i]), 1);
    for (1 .. 64) {
      my $n = sysread($dev[$i], my $frame, 65600); last unless $n;
      push @{$queue[$i]}, [$now + $delay, $frame] if @{$queue[$i]} < 20000;
    }
  }
  if (vec($ready, fileno(STDIN), 1)) { my $n = sysread(STDIN, my $line, 64); exit 0 unless $n; $delay = $line / 1000; }
}
`;

/** The delay of one cable, at its far end. */
export class DelayLine {
  readonly #machine: Machine;
  readonly #port: string;
  readonly #bridge: string;
  #carrier: LabProcess | null = null;

  /**
   * @param machine the namespace the far end is in.
   * @param port the interface of the far end, up to 13 characters.
   * @param bridge the switch it is plugged into.
   */
  constructor(machine: Machine, port: string, bridge: string) {
    this.#machine = machine;
    this.#port = port;
    this.#bridge = bridge;
  }

  /** @param delayMs one way, in milliseconds; 0 takes the line out. */
  async set(delayMs: number): Promise<void> {
    if (delayMs === 0) return this.#remove();
    if (this.#carrier !== null) {
      this.#carrier.write(String(delayMs));
      return;
    }
    const [near, far, patch] = [`${this.#port}a`, `${this.#port}b`, `${this.#port}d`];
    const carrier = await this.#machine.spawn(['perl', '-e', CARRIER, near, far, String(delayMs)]);
    await carrier.waitFor(/^carrying$/);
    this.#carrier = carrier;
    await this.#machine.configure('delay a cable of', {
      ip: [`link add ${patch} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`],
    });
    await this.#machine.configure('delay a cable of', {
      // The devices carry frames and are nobody themselves: a bridge would answer ARP for any address of its machine.
      sysctls: Object.fromEntries([near, far, patch].map((name) => [`ipv6.conf.${name}.disable_ipv6`, 1])),
      ip: [
        `link set ${patch} arp off multicast off`,
        `link set ${near} master ${patch}`,
        `link set ${far} master ${this.#bridge}`,
        `link set ${this.#port} master ${patch}`,
        ...[near, far, patch].map((name) => `link set ${name} up`),
      ],
    });
  }

  async #remove(): Promise<void> {
    if (this.#carrier === null) return;
    const carrier = this.#carrier;
    this.#carrier = null;
    await this.#machine.configure('undelay a cable of', {
      ip: [`link set ${this.#port} master ${this.#bridge}`, `link del ${this.#port}d`],
    });
    await carrier.kill();
  }
}
