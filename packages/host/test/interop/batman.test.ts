/** batman-adv for real, in a kernel that has it. What is tested stands in ../guest. */
import { test } from 'node:test';
import { obstacle, testInGuest } from '@kith/lab/uml';
import { missing } from '../fastd.ts';

/** Milliseconds from switching on to switching off. */
const DEADLINE = 90_000;

const skip = obstacle() ?? missing('batctl', 'chronyd', 'dnsmasq', 'fastd', 'udhcpc');

test(
  'a gateway and two routers in a line, over fastd and batman-adv',
  { skip, timeout: DEADLINE + 10_000 },
  (context) => testInGuest(context, new URL('../guest/batman.ts', import.meta.url), DEADLINE),
);

const withoutWireGuard = skip || missing('wireguard-go', 'wg', 'curl');

test(
  'a router that is let in by its key, over WireGuard, VXLAN and batman-adv',
  { skip: withoutWireGuard, timeout: DEADLINE + 10_000 },
  (context) => testInGuest(context, new URL('../guest/wireguard.ts', import.meta.url), DEADLINE),
);
